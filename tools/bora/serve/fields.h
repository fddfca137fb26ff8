/* Fields: what a request may hold, as a table. From the same table come the parser with its messages, the OpenAPI
 * document and the page for people, so that they cannot disagree. */
#ifndef SERVE_FIELDS_H
#define SERVE_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "api_error.h"

/* The type of the JSON value, and what the target holds for it. Texts and JSON belong to the request's JSON. */
typedef enum field_type {
    FIELD_BOOL,   /* bool */
    FIELD_INT,    /* int32_t */
    FIELD_FLOAT,  /* float */
    FIELD_SEED,   /* uint64_t */
    FIELD_TEXT,   /* const char * */
    FIELD_CHOICE, /* const char *, one of `choices` */
    FIELD_OBJECT, /* const cJSON * */
    FIELD_ARRAY,  /* const cJSON *, not empty */
    FIELD_OTHER,  /* what `take` and `schema` say */
} field_type;

typedef enum field_status {
    FIELD_READY,
    FIELD_IGNORED, /* accepted, and without effect */
    FIELD_REFUSED, /* known, and not to be had: `take` may let pass what asks for nothing */
} field_status;

typedef struct field {
    const char *name;
    field_type type;
    field_status status;
    bool required;
    bool sampling;       /* `offset` is into the target's bora_sampling, see fields_given() */
    double min, max;     /* of FIELD_INT and FIELD_FLOAT, both allowed */
    const char *choices; /* words with single spaces between */
    size_t offset;       /* of the value in the target; unused with `take` */
    /* Takes the value, which is not null; the type has been looked at already, but for FIELD_OTHER. NULL: it is stored
     * by its type. */
    bool (*take)(void *target, const struct field *f, const cJSON *value, api_error *e);
    const char *schema;       /* JSON schema, where the type does not say it all; or NULL */
    const char *default_note; /* what counts where it is not given; or NULL */
    const char *help;         /* one line */
} field;

enum { FIELDS_TABLES_MAX = 4, FIELDS_MAX = 64 };

/* What makes up a kind of request: tables, each ending with a name of NULL. */
typedef struct field_set {
    const field *tables[FIELDS_TABLES_MAX];
} field_set;

/* The i-th field of all tables; NULL behind the last. */
const field *fields_at(const field_set *set, size_t i);

/* Reads the members of `object` into `target`, null as if it were not there. `sampling` is where the fields with
 * `sampling` go. Bit i of the result's `given` stands for fields_at(i). Members that no table has are passed over; the
 * first of them is `unknown`. False with an error that names the parameter. */
typedef struct fields_seen {
    uint64_t given;
    const char *unknown;
} fields_seen;

bool fields_read(const field_set *set, const cJSON *object, void *target, void *sampling, fields_seen *seen,
                 api_error *e);
/* Copies the given values of `sampling` fields from one to the other. */
void fields_copy_sampling(const field_set *set, uint64_t given, const void *from, void *to);

/* The field's JSON schema, as text for the OpenAPI document. */
struct writer;
void fields_put_schema(struct writer *w, const field *f);

/* What kind of value it is, for messages: "a string". */
const char *fields_type_name(const cJSON *value);

#endif
