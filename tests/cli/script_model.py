"""A model that says what it is told to: its only knowledge is which token follows which. Used by chat.py."""

import array
import json
import os
import struct


def byte_symbols():
    """The characters by which byte-level tokenizers write the 256 bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(b if b in plain else next(others)) for b in range(256)]


def write(folder, pieces, template, start="[GO]", special=()):
    """Writes the model to `folder`. After a prompt that ends with `start` it says the pieces, each different from the
    others and one token, and ends; those in `special` are special tokens."""
    os.makedirs(folder, exist_ok=True)
    added = [start, *pieces, "[END]"]
    first, n = 256, 256 + len(added)
    symbols = byte_symbols()
    tokenizer = {
        "version": "1.0",
        "added_tokens": [
            {"id": first + i, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": text in ("[GO]", "[END]", *special)}
            for i, text in enumerate(added)
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "model": {"type": "BPE", "vocab": {s: i for i, s in enumerate(symbols)}, "merges": []},
    }
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": n, "intermediate_size": 2,
        "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 2, "vocab_size": n,
        "max_position_embeddings": 1024, "rms_norm_eps": 1e-5, "eos_token_id": n - 1, "tie_word_embeddings": False,
    }

    def matrix(rows, columns, ones=()):
        data = array.array("f", bytes(4 * rows * columns))
        for row, column in ones:
            data[row * columns + column] = 1
        return [rows, columns], data

    layer = "model.layers.0."
    norm = [n], array.array("f", [1] * n)
    tensors = {
        "model.embed_tokens.weight": matrix(n, n, [(i, i) for i in range(n)]),
        "lm_head.weight": matrix(n, n, [(i + 1, i) for i in range(first, n - 1)]),
        "model.norm.weight": norm,
        layer + "input_layernorm.weight": norm,
        layer + "post_attention_layernorm.weight": norm,
        layer + "self_attn.q_proj.weight": matrix(2, n),
        layer + "self_attn.k_proj.weight": matrix(2, n),
        layer + "self_attn.v_proj.weight": matrix(2, n),
        layer + "self_attn.o_proj.weight": matrix(n, 2),
        layer + "mlp.gate_proj.weight": matrix(2, n),
        layer + "mlp.up_proj.weight": matrix(2, n),
        layer + "mlp.down_proj.weight": matrix(n, 2),
    }
    header, body = {}, b""
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + 4 * len(data)]}
        body += data.tobytes()
    header = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header + body)
    for name, content in {
        "tokenizer.json": tokenizer, "config.json": config, "tokenizer_config.json": {"chat_template": template},
    }.items():
        with open(os.path.join(folder, name), "w") as f:
            json.dump(content, f)
