"""Validates a model."""

import torch


def test(data, weights=None, model=None, dataloader=None):
    with torch.no_grad():
        return [float(model(images).square().mean()) for images in dataloader]
