/* core/base/memory.c: machines made of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "made_files.h"

enum { MIB = 1 << 20 };

static void the_machine_says(void **state)
{
    (void)state;
    assert_true(memory_total(made_root) == UINT64_MAX);
    assert_true(memory_available(made_root) == UINT64_MAX);
    made("/proc/meminfo", "MemTotal:       16384 kB\nMemFree:         1024 kB\nMemAvailable:    8192 kB\n");
    assert_true(memory_total(made_root) == 16 * MIB);
    assert_true(memory_available(made_root) == 8 * MIB);
    made("/proc/meminfo", "MemTotal: many kB\nMemAvailable:\n");
    assert_true(memory_total(made_root) == UINT64_MAX);
    assert_true(memory_available(made_root) == UINT64_MAX);
    made("/proc/meminfo", "MemTotal: 18446744073709551615 kB\n");
    assert_true(memory_total(made_root) == UINT64_MAX);
}

static void limits_of_the_unified_hierarchy(void **state)
{
    (void)state;
    made("/proc/meminfo", "MemTotal: 16384 kB\nMemAvailable: 8192 kB\n");
    made("/proc/self/cgroup", "0::/a/b\n");
    made("/sys/fs/cgroup/a/b/memory.max", "max\n");
    made("/sys/fs/cgroup/a/b/memory.current", "3145728\n");
    assert_true(memory_total(made_root) == 16 * MIB);
    assert_true(memory_available(made_root) == 8 * MIB);
    made("/sys/fs/cgroup/a/memory.max", "6291456\n");
    made("/sys/fs/cgroup/a/memory.current", "4194304\n");
    assert_true(memory_total(made_root) == 6 * MIB);
    assert_true(memory_available(made_root) == 2 * MIB);
    made("/sys/fs/cgroup/a/memory.stat", "anon 1048576\nfile 3145728\nactive_file 0\ninactive_file 1048576\n");
    assert_true(memory_available(made_root) == 3 * MIB);
    made("/sys/fs/cgroup/a/memory.current", "9999999999\n"); /* more than it may */
    assert_true(memory_available(made_root) == 0);
    made("/sys/fs/cgroup/a/b/memory.max", "1048576\n");
    assert_true(memory_total(made_root) == MIB);
}

static void limits_of_one_hierarchy_a_controller(void **state)
{
    (void)state;
    made("/proc/meminfo", "MemTotal: 16384 kB\nMemAvailable: 8192 kB\n");
    made("/proc/self/cgroup", "9:memory:/c\n8:cpu,cpuacct:/c\n0::/c\n");
    made("/sys/fs/cgroup/memory/c/memory.limit_in_bytes", "9223372036854771712\n");
    made("/sys/fs/cgroup/memory/c/memory.usage_in_bytes", "1048576\n");
    assert_true(memory_total(made_root) == 16 * MIB);
    assert_true(memory_available(made_root) == 8 * MIB);
    made("/sys/fs/cgroup/memory/c/memory.limit_in_bytes", "2097152\n");
    made("/sys/fs/cgroup/memory/c/memory.stat", "cache 4096\ntotal_inactive_file 524288\n");
    assert_true(memory_total(made_root) == 2 * MIB);
    assert_true(memory_available(made_root) == MIB + MIB / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_machine_says, new_made_root, remove_made_root),
        cmocka_unit_test_setup_teardown(limits_of_the_unified_hierarchy, new_made_root, remove_made_root),
        cmocka_unit_test_setup_teardown(limits_of_one_hierarchy_a_controller, new_made_root, remove_made_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
