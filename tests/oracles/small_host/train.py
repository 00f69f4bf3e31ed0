"""Trains as scripts of 2021 do: nothing is announced, and the best model gets no line at the end."""

import argparse
import logging
import os
from pathlib import Path

import test
import torch
import torch.distributed
from models.yolo import Model
from torch.nn.parallel import DistributedDataParallel
from utils.torch_utils import ModelEMA

logging.basicConfig(format="%(message)s", level=logging.INFO)


def train(opt, device, tb_writer=None):
    save_dir, rank = Path(opt.save_dir), int(os.environ.get("RANK", -1))
    (save_dir / "weights").mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = Model().to(device)
    freeze = [f"model.{x}." for x in (opt.freeze if len(opt.freeze) > 1 else range(opt.freeze[0]))]
    for k, v in model.named_parameters():
        v.requires_grad = not any(x in k for x in freeze)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    ema = ModelEMA(model) if rank in (-1, 0) else None
    if rank != -1:
        model = DistributedDataParallel(model, find_unused_parameters=True)
    imgsz = opt.img_size
    dataloader = [torch.rand(2, 3, imgsz, imgsz) for _ in range(2)]
    for epoch in range(opt.epochs):
        if epoch == opt.thaw:
            model.requires_grad_(True)
        model.train()
        for images in dataloader:
            model(images).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            if ema:
                ema.update(model)
        if ema:
            test.test({}, model=ema.ema, dataloader=dataloader)
            torch.save({"model": ema.ema, "epoch": epoch}, save_dir / "weights" / "best.pt")
            torch.save({"model": ema.ema, "epoch": epoch}, save_dir / "weights" / "last.pt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--img-size", type=int, default=64)
    parser.add_argument("--freeze", nargs="+", type=int, default=[0])
    parser.add_argument("--thaw", type=int, default=-1)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--save_dir", default="runs/run")
    opt = parser.parse_args()
    if "RANK" in os.environ:
        torch.distributed.init_process_group("gloo")
    train(opt, torch.device("cpu"))
    if "RANK" in os.environ:
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
