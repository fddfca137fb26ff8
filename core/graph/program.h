/* The program's inside, shared by the files that make, plan and run it. */
#ifndef BORA_GRAPH_PROGRAM_H
#define BORA_GRAPH_PROGRAM_H

#include "graph/exec.h"

/* A result in one memory: a node's own, or a copy of it for the nodes of another device. */
typedef struct exec_value {
    int64_t rows, width; /* rows may be BORA_ROWS_… */
    int space;
    int first, last; /* items that write and last read it */
    size_t offset;   /* in its space */
} exec_value;

typedef struct exec_item {
    int node;     /* >= 0: run it; -1: copy */
    int from, to; /* values, of a copy */
} exec_item;

typedef struct exec_slot {
    exec_choice choice;
    bora_call call;
    int inputs[BORA_MAX_INPUTS]; /* values */
    int output;
} exec_slot;

/* A memory: space 0 is ordinary memory, every device with its own memory has one. */
typedef struct exec_space {
    exec_device *device; /* NULL: ordinary memory */
    void *memory;
    size_t size;
} exec_space;

struct exec_program {
    arena arena;
    exec_slot *slots; /* [n_nodes] */
    int n_nodes;
    exec_value *values;
    int n_values;
    exec_item *items;
    int n_items;
    exec_space *spaces;
    int n_spaces;
    int output; /* value, in any space */
    int32_t cap_tokens, cap_outputs;
    bora_step *steps; /* [n_nodes], reused by every run */
    char *staging;    /* for copies between two devices' own memories */
    size_t staging_bytes;
};

static inline int64_t exec_rows(int64_t rows, int32_t n_tokens, int32_t n_outputs)
{
    return rows == BORA_ROWS_TOKENS ? n_tokens : rows == BORA_ROWS_OUTPUTS ? n_outputs : rows;
}

#endif
