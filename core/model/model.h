/* The model's inside, shared by the files of this floor; model_run() and the state pool are what the engine uses. */
#ifndef BORA_MODEL_MODEL_H
#define BORA_MODEL_MODEL_H

#include <bora/model.h>
#include <bora/threads.h>

#include "base/pages.h"
#include "config/topology.h"
#include "graph/exec.h"
#include "model/block_cache.h"
#include "model/source.h"

enum { MODEL_MAX_DEVICES = 64, BLOCK_TOKENS_STEP = 8, BLOCK_TOKENS_MAX = 256 };

/* A weight in the form and the memory in which some nodes read it. */
typedef struct placed_weight {
    bora_weight weight;
    const graph_weight *from;
    const bora_quant *via; /* the format that was asked for where the device has no kernel for it: it computes with the
                              same numbers in another; else NULL */
    const bora_tile *tile; /* packed for it; NULL: rows one after the other */
    exec_device *device;   /* whose memory; NULL: ordinary memory */
    void *owned;           /* of that device's memory; NULL: none */
    size_t owned_bytes;    /* there, or in the model's pages; 0: mapped */
} placed_weight;

/* Numbers that are handed out and taken back: those below n, but for the free ones. */
typedef struct state_numbers {
    int32_t n, cap, *free, n_free;
} state_numbers;

/* What the operations keep between batches: blocks of tokens and slots of sequences, handed to sessions and engines and
 * taken back. */
typedef struct state_pool {
    bora_state *states;    /* [n_nodes], those with a state; the address of each is fixed */
    exec_device **devices; /* [n_nodes], whose memory; NULL for none */
    int n_nodes;
    int32_t block_tokens;
    int32_t max_blocks;
    block_cache *blocks; /* their numbers, and what is kept of them */
    int32_t n_covered;   /* blocks for which there is memory */
    state_numbers slots;
    bool recurrent;      /* some operation has a state for each sequence: no sequence can go back to an earlier token */
    int32_t n_snapshots; /* that the blocks may have; 0 for a model that needs none */
    int32_t *snapshot_slots; /* [n_snapshots], or -1 for those that were never filled */
    bool share;              /* beginnings may be looked for among the blocks, and full ones published */
} state_pool;

struct bora_model {
    bora_runtime *runtime;
    arena arena;
    model_source source;
    bora_graph *graph;
    exec_device *devices; /* [n_devices]; 0 is the host */
    int n_devices;
    exec_node *nodes; /* [graph->n_nodes] */
    placed_weight **weights;
    int n_weights, cap_weights;
    page_pool pages; /* of weights that are not used where they lie in the file */
    exec_program *program;
    exec_program *hidden_program; /* up to the hidden states; NULL until they are asked for */
    state_pool states;
    pthread_mutex_t mutex; /* guards the program and the states */
    bora_tokenizer *tokenizer;
    bora_error tokenizer_error; /* why there is none */
    bora_chat_template *chat_template;
    const bora_tool_syntax *tool_syntax; /* or NULL */
    int32_t context_length;
    int32_t *stop_tokens;
    size_t n_stop_tokens;
};

/* devices.c: opens what the settings and the topology name. NULL and an error for a name that no plugin offers. */
exec_device *model_device(bora_model *m, const char *name, int index, const bora_settings *settings, bora_error *err);
exec_device *model_default_device(bora_model *m, const bora_settings *settings, bora_error *err);
void model_close_devices(bora_model *m);

/* placement.c: decides device, kernel and weight formats of every node, and loads the weights. */
bool model_place(bora_model *m, const bora_settings *settings, bora_error *err);
/* A format that can be written, by name. `origin` is who named it; the error says the nearest name. */
const bora_quant *model_find_quant(bora_runtime *rt, const char *name, const char *origin, bora_error *err);

/* weights.c: makes one placed weight of a checkpoint's tensor: as it lies, converted, packed, uploaded. `quant` NULL:
 * plain floats. */
/* `pool`: for what stays in ordinary memory. */
bool weight_load(placed_weight *w, const bora_quant *quant, page_pool *pool, bora_threads *threads, bora_error *err);
void weight_release(placed_weight *w);

/* cache.c: the format in which operations keep numbers for each token; NULL: floats. */
bool model_cache_format(const bora_model *m, const bora_settings *settings, const bora_quant **format, bora_error *err);

/* room.c: tokens of a block, and how many blocks of so many bytes there may be: -1 and an error when there is no room
 * for one. After loading, when it is known what is left. */
bool model_block_tokens(const bora_settings *settings, int32_t *n, bora_error *err);
int32_t model_cache_blocks(const bora_model *m, const bora_settings *settings, size_t block_bytes, bora_error *err);

/* How many snapshots of recurrent states of so many bytes the blocks may have. */
int32_t model_cache_snapshots(const bora_model *m, const bora_settings *settings, size_t slot_bytes);

/* state.c. The context is cut to what the cache has room for: a sequence that is alone always fits. */
bool state_pool_init(bora_model *m, const bora_quant *cache_format, const bora_settings *settings, bora_error *err);
void state_pool_free(bora_model *m);
/* Takes a block, or -1 with an error: BORA_LIMIT when all are in use. It has memory. Not from two threads at a time, as
 * with all that follows, and with whatever is done to `blocks`: the model's mutex is for that. */
int32_t state_pool_take(bora_model *m, bora_error *err);
void state_pool_give(bora_model *m, int32_t block);
/* Memory for all blocks that were ever taken, for whoever takes them from `blocks` itself: before a step. On an error
 * there is none for the new ones. */
bool state_pool_cover(bora_model *m, bora_error *err);
/* The same for the slot of a sequence. What is in it is cleared when a sequence begins in it. */
int32_t state_pool_take_slot(bora_model *m, bora_error *err);
void state_pool_give_slot(bora_model *m, int32_t slot);
bool state_pool_clear_slot(bora_model *m, int32_t slot, bora_error *err);

/* The state of a sequence to that of another slot. */
bool state_pool_copy_slot(bora_model *m, int32_t from, int32_t to, bora_error *err);
/* Fills a snapshot of `blocks` with the state of a sequence, and the other way round. */
bool state_pool_save(bora_model *m, int32_t slot, int32_t snapshot, bora_error *err);
bool state_pool_restore(bora_model *m, int32_t snapshot, int32_t slot, bora_error *err);

/* chat.c: the template, the tokens that end an answer, how tools are called. */
bool model_load_chat(bora_model *m, const bora_settings *settings, bora_error *err);

/* Runs a batch. logits: [n_outputs, n_vocab] or NULL. After an error the state of its tokens, and the recurrent state
 * of its sequences, is undefined. */
bool model_run(bora_model *m, const bora_batch *batch, float *logits, bora_error *err);
/* The same as far as the hidden states behind the last norm, what the head reads: [n_outputs, width]. */
bool model_run_hidden(bora_model *m, const bora_batch *batch, float *hidden, bora_error *err);
int32_t model_hidden_width(const bora_model *m);

#endif
