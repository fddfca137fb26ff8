#!/usr/bin/env python3
"""Trains a demo model: python train.py demo|draft [FOLDER] [--again N] (needs torch, transformers, tokenizers).

Runs on the CPU. It begins from nothing or, with --again 1 (2, 3), from the model that is in FOLDER, with other
conversations, fewer steps at a time and at a lower rate.
The draft model shares the tokenizer of the demo model, which has to be there first. Every ten minutes the model as it
is then is saved; the rate of learning falls to zero at the end, so the last one is by far the best.
"""
import argparse
import json
import multiprocessing
import os
import random
import sys
import time

import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

import generate
from lessons.base import LETTERS_BEGIN, LETTERS_END

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "models")
CONTEXT = 1024
VOCABULARY = 2048
IGNORED = -100
SHAPES = {  # layers, width, width of the gated MLP, heads
    "demo": (6, 256, 768, 4),
    "draft": (2, 128, 128, 2),
}
STEPS = {"demo": (3000, 4000, 1000, 600), "draft": (1500,)}  # at first, and each time that it is trained on
ROWS = {128: 96, 256: 44, 512: 20, 1024: 8}  # length of a row: rows in a batch
MUON_RATE, ADAM_RATE = 0.02, 3e-3
RATES = (1.0, 0.6, 0.3, 0.2)  # of these, likewise

# ---- the tokenizer

SPECIAL = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
MARKS = ["<think>", "</think>", "<tool_call>", "</tool_call>"]  # tokens of their own, but part of the text
# As Qwen2's: words with the space before them, every digit alone, marks together, line breaks together.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(MARKS), special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    rng = random.Random(generate.SEEDS[0])
    texts = []
    for _ in range(60000):
        for text, _ in generate.pieces(*generate.conversation(rng)):
            for mark in (*SPECIAL, *MARKS):
                text = text.replace(mark, "\n")
            texts.append(outside_letters(text))
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(MARKS)
    return tokenizer


def outside_letters(text):
    """The text without what is tokenized letter by letter anyway."""
    return " ".join(part.split(LETTERS_END)[-1] for part in text.split(LETTERS_BEGIN))


def save_tokenizer(tokenizer, folder):
    os.makedirs(folder, exist_ok=True)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(HERE, "chat_template.jinja"), encoding="utf-8") as f:
        template = f.read()
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": CONTEXT,
        "eos_token": "<|end|>",
        "clean_up_tokenization_spaces": False,
        "chat_template": template,
    }
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)
        f.write("\n")


# ---- batches


class Encoder:
    def __init__(self, tokenizer):
        self.tokenizer, self.cache = tokenizer, {}
        self.byte = {c: tokenizer.token_to_id(c) for c in map(chr, range(33, 127))}

    def ids(self, text):
        ids = []
        for i, part in enumerate(text.replace(LETTERS_END, LETTERS_BEGIN).split(LETTERS_BEGIN)):
            # The letters between hyphens are apart already.
            if i % 2 == 0 or "-" in part or not all(c in self.byte for c in part):
                ids += self.tokenizer.encode(part).ids
            else:
                ids += [self.byte[c] for c in part]
        return ids

    def conversation(self, messages, tools, thinks):
        """Returns ids, and labels that are IGNORED where the text is given and not to be said."""
        ids, labels = [], []
        for text, taught in generate.pieces(messages, tools, thinks):
            piece = self.ids(text)
            ids += piece
            labels += piece if taught else [IGNORED] * len(piece)
        return ids, labels


def fill_batches(tokenizer, seed, queue):
    """Packs conversations into rows of the lengths of ROWS, and rows into batches; the same ones in every run."""
    rng, encoder = random.Random(seed), Encoder(tokenizer)
    ready = {length: [] for length in ROWS}
    open_rows = {length: [] for length in ROWS}
    while True:
        ids, labels = encoder.conversation(*generate.conversation(rng))
        length = next((n for n in ROWS if len(ids) <= n), None)
        if length is None:
            continue
        rows = open_rows[length]
        row = next((r for r in rows if len(r[0]) + len(ids) <= length), None)
        if row is None:
            if len(rows) >= 16:
                rows.sort(key=lambda r: len(r[0]))
                ready[length].append(rows.pop())
            row = ([], [], [])
            rows.append(row)
        row[2].extend([row[2][-1] + 1 if row[2] else 0] * len(ids))
        row[0].extend(ids)
        # The label of a place is the token after it; nothing is learnt about what begins the next conversation.
        row[1].extend(labels[1:] + [IGNORED])
        if len(ready[length]) == ROWS[length]:
            rows, ready[length] = ready[length], []
            batch = []
            for k, fill in enumerate((0, IGNORED, -1)):
                batch.append(torch.tensor([r[k] + [fill] * (length - len(r[k])) for r in rows]).numpy())
            queue.put(batch)


def batches(tokenizer, seed):
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue(maxsize=16)
    fork.Process(target=fill_batches, args=(tokenizer, seed, queue), daemon=True).start()
    while True:
        yield [torch.from_numpy(array) for array in queue.get()]


# ---- the model: Llama as transformers has it, with its parameters, in a form that compiles well


def forward(model, ids, labels, document, cos, sin):
    """The mean loss of a batch of packed rows; a place sees what is before it in its own conversation."""
    config = model.config
    n_heads, head_dim = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    rows, length = ids.shape
    places = torch.arange(length)
    seen = (document[:, None, :, None] == document[:, None, None, :]) & (places[:, None] >= places[None, :])
    mask = torch.where(seen, 0.0, -1e4).to(torch.bfloat16)

    def norm(x, weight):
        return F.rms_norm(x, (config.hidden_size,), weight.to(x.dtype), config.rms_norm_eps)

    def rotate(x):
        a, b = x.chunk(2, -1)
        return (x * cos + torch.cat([-b, a], -1) * sin).to(x.dtype)

    def heads(x):
        return x.view(rows, length, n_heads, head_dim).transpose(1, 2)

    x = F.embedding(ids, model.model.embed_tokens.weight).to(torch.bfloat16)
    for layer in model.model.layers:
        a, m = layer.self_attn, layer.mlp
        h = norm(x, layer.input_layernorm.weight)
        q, k, v = rotate(heads(a.q_proj(h))), rotate(heads(a.k_proj(h))), heads(a.v_proj(h))
        scores = (q @ k.transpose(-1, -2)) * head_dim**-0.5 + mask
        mixed = scores.float().softmax(-1).to(v.dtype) @ v
        x = x + a.o_proj(mixed.transpose(1, 2).reshape(rows, length, -1))
        h = norm(x, layer.post_attention_layernorm.weight)
        x = x + m.down_proj(F.silu(m.gate_proj(h)) * m.up_proj(h))
    x = norm(x, model.model.norm.weight)
    logits = F.linear(x, model.model.embed_tokens.weight)
    return F.cross_entropy(logits.float().view(-1, config.vocab_size), labels.view(-1), ignore_index=IGNORED)


def rope(length, head_dim, theta):
    angle = torch.arange(length)[:, None] * theta ** (-torch.arange(head_dim // 2) / (head_dim // 2))[None]
    return torch.cat([angle.cos()] * 2, -1).to(torch.bfloat16), torch.cat([angle.sin()] * 2, -1).to(torch.bfloat16)


def new_model(kind, tokenizer):
    end = tokenizer.token_to_id("<|end|>")
    n_layers, width, mlp_width, n_heads = SHAPES[kind]
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=CONTEXT, tie_word_embeddings=True,
        hidden_size=width, intermediate_size=mlp_width, num_hidden_layers=n_layers, num_attention_heads=n_heads,
        num_key_value_heads=n_heads, bos_token_id=None, eos_token_id=end, rms_norm_eps=1e-6,
    ))


def save(model, folder, end):
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=end, pad_token_id=end)
    state = {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}
    copy = LlamaForCausalLM(model.config).to(torch.bfloat16)
    copy.load_state_dict(state)
    copy.generation_config = model.generation_config
    copy.save_pretrained(folder)


def train(kind, tokenizer, folder, again):
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32) if again else new_model(kind, tokenizer)
    end = tokenizer.token_to_id("<|end|>")
    print(f"{kind}: {model.num_parameters()} parameters", flush=True)
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.dim() != 2 or "embed" in name]
    optimizers = [
        torch.optim.Muon(matrices, lr=MUON_RATE, momentum=0.95, weight_decay=0.05),
        torch.optim.AdamW(others, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]
    rates = [group["lr"] * RATES[again] for o in optimizers for group in o.param_groups]
    compiled = torch.compile(forward, dynamic=False)
    config = model.config
    tables = {n: rope(n, config.hidden_size // config.num_attention_heads, 10000.0) for n in ROWS}
    steps, begin, saved = STEPS[kind][again], time.time(), time.time()
    mean, count, tokens = 0.0, 0, 0
    for step, (ids, labels, document) in zip(range(steps), batches(tokenizer, generate.SEEDS[again])):
        # Warm up, stay, and fall to zero over the last two thirds.
        rate = min((step + 1) / 50, 1.0, 1.5 * (steps - step) / steps)
        for group, full in zip((g for o in optimizers for g in o.param_groups), rates):
            group["lr"] = full * rate
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = compiled(model, ids, labels, document, *tables[ids.shape[1]])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        mean, count, tokens = mean + loss.item(), count + 1, tokens + ids.numel()
        if (step + 1) % 50 == 0:
            seconds = time.time() - begin
            speed = f"{tokens / seconds:.0f} tokens/s  {seconds:.0f} s"
            print(f"step {step + 1} of {steps}  loss {mean / count:.4f}  {speed}", flush=True)
            mean, count = 0.0, 0
        if time.time() - saved > 600:
            save(model, folder, end)
            saved = time.time()
    save(model, folder, end)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=SHAPES)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--again", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    kind, again = arguments.kind, arguments.again
    if not 0 <= again < len(STEPS[kind]):
        sys.exit(f"{kind} is trained {len(STEPS[kind])} times: --again is at most {len(STEPS[kind]) - 1}")
    folder = arguments.folder or os.path.join(MODELS, "demo" if kind == "demo" else "demo-draft")
    torch.manual_seed(generate.SEEDS[again])
    if again:
        tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    elif kind == "demo":
        tokenizer = train_tokenizer()
    else:
        tokenizer = Tokenizer.from_file(os.path.join(MODELS, "demo", "tokenizer.json"))
    save_tokenizer(tokenizer, folder)
    train(kind, tokenizer, folder, again)


if __name__ == "__main__":
    main()
