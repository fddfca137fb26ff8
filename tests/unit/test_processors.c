/* core/base/processors.c: machines made of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/processors.h"
#include "made_files.h"

static processor_set set_of(const char *list)
{
    processor_set set;
    assert_true(processors_parse(list, &set));
    return set;
}

static void assert_sets_equal(const processor_set *a, const char *list)
{
    processor_set b = set_of(list);
    assert_memory_equal(a, &b, sizeof b);
}

static void lists_are_read_strictly(void **state)
{
    (void)state;
    const struct {
        const char *list;
        int n, first, last;
    } good[] = { { "0", 1, 0, 0 },       { "0-3,8,10-11\n", 7, 0, 11 }, { "63-64", 2, 63, 64 },
                 { "5,5,4-6", 3, 4, 6 }, { "8191", 1, 8191, 8191 },     { "0-8191", 8192, 0, 8191 } };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        processor_set set = set_of(good[i].list);
        assert_int_equal(processors_count(&set), good[i].n);
        assert_true(processors_has(&set, good[i].first) && processors_has(&set, good[i].last));
    }
    processor_set set = set_of("");
    assert_int_equal(processors_count(&set), 0);
    const char *const bad[] = { "8192", "-1", "3-1", "1-", "1;2", "a", "1,,2", " 1", "1-2-3", "99999999999999999999" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(processors_parse(bad[i], &set));
}

static void the_last_one_stays(void **state)
{
    (void)state;
    processor_set set = set_of("3,70");
    assert_true(processors_remove(&set, 5));
    assert_sets_equal(&set, "3,70");
    assert_true(processors_remove(&set, 3));
    assert_false(processors_remove(&set, 70));
    assert_sets_equal(&set, "70");
}

static void siblings_are_one_core(void **state)
{
    (void)state;
    const char *const siblings[] = { "0,4\n", "1,5\n", "2,6\n", "3,7\n", "0,4\n", "1,5\n", "2,6\n", "3,7\n" };
    for (int i = 0; i < 8; i++) {
        char name[512];
        snprintf(name, sizeof name, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", i);
        made(name, siblings[i]);
    }
    const struct {
        const char *allowed;
        int cores;
    } cases[] = { { "0-7", 4 }, { "0-3", 4 }, { "4-7", 4 }, { "0,4", 1 }, { "0,1,5", 2 }, { "0-9", 6 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        processor_set allowed = set_of(cases[i].allowed);
        assert_int_equal(processors_cores(made_root, &allowed), cases[i].cores); /* 8 and 9 say nothing of siblings */
        assert_int_equal(processors_for_threads(made_root, &allowed, 1024), cases[i].cores);
        assert_int_equal(processors_for_threads(made_root, &allowed, 1), 1);
    }
    made("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "nonsense");
    processor_set allowed = set_of("0-3");
    assert_int_equal(processors_cores(made_root, &allowed), 4);
}

static void quotas_of_the_unified_hierarchy(void **state)
{
    (void)state;
    assert_int_equal(processors_quota(made_root), 0);
    made("/proc/self/cgroup", "0::/pod/box\n");
    assert_int_equal(processors_quota(made_root), 0);
    made("/sys/fs/cgroup/pod/box/cpu.max", "max 100000\n");
    assert_int_equal(processors_quota(made_root), 0);
    made("/sys/fs/cgroup/pod/cpu.max", "400000 100000\n"); /* that of a group above counts */
    assert_int_equal(processors_quota(made_root), 4);
    made("/sys/fs/cgroup/pod/box/cpu.max", "150000 100000\n");
    assert_int_equal(processors_quota(made_root), 2);
    made("/sys/fs/cgroup/cpu.max", "50000 100000\n"); /* a container's own group is what it sees at the made_root */
    assert_int_equal(processors_quota(made_root), 1);
    processor_set allowed = set_of("0-63");
    assert_int_equal(processors_for_threads(made_root, &allowed, 1024), 1);
    const char *const nonsense[] = { "",          "max",      "100000", "100000 0",
                                     "-5 100000", "0 100000", "x y",    "99999999999999999999999 1" };
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        made("/sys/fs/cgroup/cpu.max", nonsense[i]);
        assert_int_equal(processors_quota(made_root), 2);
    }
}

static void quotas_of_one_hierarchy_a_controller(void **state)
{
    (void)state;
    made("/proc/self/cgroup", "7:cpuset:/a\n4:cpu,cpuacct:/docker/0123\n1:name=systemd:/\n0::/\n");
    made("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n"); /* the path in /proc is the host's */
    made("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    made("/sys/fs/cgroup/cpuset/a/cpu.cfs_quota_us", "100000\n");
    made("/sys/fs/cgroup/cpuset/a/cpu.cfs_period_us", "100000\n");
    assert_int_equal(processors_quota(made_root), 3);
    made("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(processors_quota(made_root), 0);
    processor_set allowed = set_of("2-5");
    assert_int_equal(processors_for_threads(made_root, &allowed, 1024), 4);
}

static void threads_spread_over_the_nodes(void **state)
{
    (void)state;
    processor_set allowed = set_of("0-15"), nodes[8];
    assert_int_equal(processors_nodes(made_root, &allowed, nodes, 8), 1);
    assert_sets_equal(&nodes[0], "0-15");
    made("/sys/devices/system/node/online", "0,2-4\n");
    made("/sys/devices/system/node/node0/cpulist", "0-3,8-11\n");
    made("/sys/devices/system/node/node2/cpulist", "4-7\n");
    made("/sys/devices/system/node/node3/cpulist", "\n"); /* memory alone */
    made("/sys/devices/system/node/node4/cpulist", "12-15,32-63\n");
    assert_int_equal(processors_nodes(made_root, &allowed, nodes, 8), 3);
    assert_sets_equal(&nodes[0], "0-3,8-11");
    assert_sets_equal(&nodes[1], "4-7");
    assert_sets_equal(&nodes[2], "12-15");
    int n[3] = { 0 };
    for (int thread = 0, last = 0; thread < 8; thread++) {
        int node = processors_node_of(nodes, 3, thread, 8);
        assert_in_range(node, last, 2); /* neighbours together */
        n[last = node]++;
    }
    assert_true(n[0] == 4 && n[1] == 2 && n[2] == 2);
    assert_int_equal(processors_node_of(nodes, 3, 0, 1), 0);
    assert_int_equal(processors_node_of(nodes, 3, 1023, 1024), 2);
    assert_int_equal(processors_nodes(made_root, &allowed, nodes, 2), 2);
    allowed = set_of("4-6");
    assert_int_equal(processors_nodes(made_root, &allowed, nodes, 8), 1);
    assert_sets_equal(&nodes[0], "4-6");
    made("/sys/devices/system/node/online", "garbage\n");
    assert_int_equal(processors_nodes(made_root, &allowed, nodes, 8), 1);
    assert_sets_equal(&nodes[0], "4-6");
}

static void this_machine_has_processors(void **state)
{
    (void)state;
    processor_set allowed, nodes[64];
    processors_allowed(&allowed);
    int n = processors_count(&allowed), n_nodes = processors_nodes("", &allowed, nodes, 64), sum = 0;
    assert_in_range(processors_cores("", &allowed), 1, n);
    for (int i = 0; i < n_nodes; i++)
        sum += processors_count(&nodes[i]);
    assert_in_range(sum, 1, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read_strictly),
        cmocka_unit_test(the_last_one_stays),
        cmocka_unit_test_setup_teardown(siblings_are_one_core, new_made_root, remove_made_root),
        cmocka_unit_test_setup_teardown(quotas_of_the_unified_hierarchy, new_made_root, remove_made_root),
        cmocka_unit_test_setup_teardown(quotas_of_one_hierarchy_a_controller, new_made_root, remove_made_root),
        cmocka_unit_test_setup_teardown(threads_spread_over_the_nodes, new_made_root, remove_made_root),
        cmocka_unit_test(this_machine_has_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
