"""Networks whose cost does not grow with the area of the image, as people write them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

# mypy: disable-error-code="misc"
# torch is not read by mypy


class FixedPooling(nn.Module):
    """Convolutions behind a pooling to a fixed size, which is called as a function."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 4, 4)
        self.head = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(functional.adaptive_avg_pool2d(self.stem(x), 14))


class PaddedWindows(nn.Module):
    """Attention inside windows of 7x7, to which the image is padded."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.qkv, self.out = nn.Conv2d(3, 64, 4, 4), nn.Linear(64, 192), nn.Linear(64, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = functional.pad(x, (0, -x.shape[3] % 7, 0, -x.shape[2] % 7))
        n, c, h, w = x.shape
        windows = x.reshape(n, c, h // 7, 7, w // 7, 7).permute(0, 2, 4, 3, 5, 1).reshape(-1, 49, c)
        q, k, v = self.qkv(windows).chunk(3, -1)
        return self.out((q @ k.transpose(1, 2)).softmax(-1) @ v)


class Attention(nn.Module):
    """Every place of the image with every other."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.stem(x).flatten(2)
        return (tokens.transpose(1, 2) @ tokens).softmax(-1) @ tokens.transpose(1, 2)


class Classifier(nn.Sequential):
    """One pooling to a fixed size and two fully connected layers, as modules."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 16, 3, 2, 1), nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(16 * 49, 1000), nn.ReLU(),
            nn.Linear(1000, 1000),
        )  # fmt: skip


NETWORKS = (FixedPooling, PaddedWindows, Attention, Classifier)
