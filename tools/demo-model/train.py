"""Trains the model of models/demo from nothing: python train.py [FOLDER] (needs torch, transformers, tokenizers).

One CPU thread and fixed seeds, so that the same versions of the libraries make the same model again.
"""
import json
import math
import os
import random
import sys
import time

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM

import generate

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "..", "models", "demo")
SPECIAL = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
CONTEXT = 256
STEPS = 1000
BATCH = 64
PEAK_RATE = 4e-3
IGNORED = -100


def train_tokenizer(rng):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    text = [m["content"] for _ in range(20000) for m in generate.dialogue(rng)]
    tokenizer.train_from_iterator(text, trainer)
    return tokenizer


def save_tokenizer(tokenizer):
    os.makedirs(FOLDER, exist_ok=True)
    tokenizer.save(os.path.join(FOLDER, "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": CONTEXT,
        "eos_token": "<|end|>",
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    with open(os.path.join(FOLDER, "tokenizer_config.json"), "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")


def encode(tokenizer, messages):
    """Returns ids and labels of a dialogue: what the assistant says, and the end of it, is what counts."""
    ids, labels = [], []
    for message in messages:
        said = tokenizer.encode(message["content"]).ids + [tokenizer.token_to_id("<|end|>")]
        ids += [tokenizer.token_to_id(f"<|{message['role']}|>")] + said
        labels += [IGNORED] + (said if message["role"] == "assistant" else [IGNORED] * len(said))
    return ids, labels


def batches(tokenizer, rng):
    """Yields (ids, labels) without end. Dialogues of like length go together, so that little of a batch is padding."""
    while True:
        pool = []
        while len(pool) < 20 * BATCH:
            ids, labels = encode(tokenizer, generate.dialogue(rng))
            if len(ids) <= CONTEXT:
                pool.append((ids, labels))
        pool.sort(key=lambda sample: len(sample[0]))
        starts = list(range(0, len(pool), BATCH))
        rng.shuffle(starts)
        for start in starts:
            part = pool[start : start + BATCH]
            longest = len(part[-1][0])
            yield (
                torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in part]),
                torch.tensor([labels + [IGNORED] * (longest - len(labels)) for _, labels in part]),
            )


def train_model(tokenizer, rng):
    end = tokenizer.token_to_id("<|end|>")
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=64,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end,
        )
    )
    print(f"{model.num_parameters()} parameters")
    decayed = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], betas=(0.9, 0.98)
    )
    start, mean = time.time(), 0.0
    for step, (ids, labels) in zip(range(STEPS), batches(tokenizer, rng)):
        rate = PEAK_RATE * min((step + 1) / 100, (1 + math.cos(math.pi * step / STEPS)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        mean += loss.item() / 100
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}  loss {mean:.4f}  {time.time() - start:.0f} s", flush=True)
            mean = 0.0
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=end, pad_token_id=end)
    model.to(torch.bfloat16).save_pretrained(FOLDER)


def answer(model, tokenizer, messages):
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = model.generate(**prompt, max_new_tokens=80)
    return tokenizer.decode(out[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)


def measure():
    """Greedy answers of the model as it was saved, computed in f32."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    rng = random.Random(2)
    unknown = [generate.unknown(rng) for _ in range(100)]
    sets = {
        "held-out combinations": generate.HELD_OUT_COMBINATIONS,
        "held-out phrasings": generate.HELD_OUT_PHRASINGS,
        "unknown things": {"unknown": unknown},
    }
    for name, families in sets.items():
        right = total = 0
        for family, questions in families.items():
            wrong = []
            for ask, expected in questions:
                got = answer(model, tokenizer, [{"role": "user", "content": ask}])
                if got != expected:
                    wrong.append(f"{ask} -> {got}")
            print(f"  {family}: {len(questions) - len(wrong)} of {len(questions)}", *wrong[:3], sep="\n      ")
            right += len(questions) - len(wrong)
            total += len(questions)
        print(f"{name}: {right} of {total} ({100 * right / total:.1f} %)", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng = random.Random(1)
    tokenizer = train_tokenizer(rng)
    save_tokenizer(tokenizer)
    train_model(tokenizer, rng)
    measure()
