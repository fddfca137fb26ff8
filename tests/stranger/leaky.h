/* The parameters of leaky_relu: what its operation and those who build with it share. */
typedef struct leaky_attrs {
    float slope;
} leaky_attrs;
