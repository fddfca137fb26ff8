#!/usr/bin/env python3
"""Averages the weights of models that were trained one from the other: python average.py OUT FOLDER=SHARE ...

Their mean answers better than each of them (arXiv:2203.05482). The other files come from the first folder.
"""
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    out, parts = sys.argv[1], [part.rsplit("=", 1) for part in sys.argv[2:]]
    mean = {}
    for folder, share in parts:
        for name, value in load_file(f"{folder}/model.safetensors").items():
            mean[name] = mean.get(name, 0) + float(share) * value.float()
    shutil.copytree(parts[0][0], out, dirs_exist_ok=True)
    tensors = {name: value.to(torch.bfloat16).contiguous() for name, value in mean.items()}
    save_file(tensors, f"{out}/model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
