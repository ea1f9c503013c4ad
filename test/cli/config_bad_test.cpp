// What is refused in a configuration file, and with which words. Each input has all of
// its errors, in the order of lines.
#include "config.hpp"

#include "errors.hpp"

#include "cmocka.hpp"

#include <cstdio>

#define PEER "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

struct Case {
    const char *input;
    const char *problems; // one in each line
};

static std::string problems(const cli::Configuration &config)
{
    std::string text;
    for (const auto &problem : config.problems()) {
        text += (text.empty() ? "" : "\n") + to_text(problem);
    }
    return text;
}

static const Case cases[] = {
#include "config_bad_cases.hpp"
};

static void each_is_refused_with_its_words(void **)
{
    int failed = 0;
    for (const auto &bad : cases) {
        cli::Configuration config;
        config.add_file(bad.input, "f");
        std::string said = problems(config);
        if (said != bad.problems) {
            std::printf("---- %s\n     expected: %s\n     but said: %s\n", bad.input,
                        bad.problems, said.c_str());
            failed++;
        }
        try {
            config.check();
            std::printf("---- passed as valid: %s\n", bad.input);
            failed++;
        } catch (const cli::UsageError &error) {
            assert_int_equal(error.code(), cli::exit_usage);
        }
    }
    assert_int_equal(failed, 0);
    assert_true(sizeof cases / sizeof cases[0] >= 80);
}

// Each line on its own is found again when all of them are in one file.
static void many_errors_are_told_in_one_go(void **)
{
    std::string text = "node:\n";
    for (int i = 0; i < 40; i++) {
        text += "  unknown" + std::to_string(i) + ": 1\n";
    }
    cli::Configuration config;
    config.add_file(text + "  max_requests: x\n", "f");
    assert_int_equal(config.problems().size(), 41);
    try {
        config.check();
        fail();
    } catch (const cli::UsageError &error) {
        std::string said = error.what();
        assert_true(said.find("the configuration has 41 errors\n  f:2: ") == 0);
        assert_true(said.find("\n  f:42: node.max_requests: 'x' is not") !=
                    std::string::npos);
    }
}

static void the_number_of_errors_is_bounded(void **)
{
    std::string text = "node:\n";
    for (int i = 0; i < 1000; i++) {
        text += "  unknown" + std::to_string(i) + ": 1\n";
    }
    cli::Configuration config;
    config.add_file(text, "f");
    assert_int_equal(config.problems().size(), cli::config_max_problems + 1);
    assert_string_equal(config.problems().back().text.c_str(),
                        "more is wrong: mend this first");
}

static std::string repeat(const char *text, size_t n)
{
    std::string all;
    for (size_t i = 0; i < n; i++) {
        all += text;
    }
    return all;
}

static void assert_says(const std::string &text, const char *expected)
{
    cli::Configuration config;
    config.add_file(text, "f");
    assert_string_equal(problems(config).c_str(), expected);
}

static void size_depth_and_length_are_bounded(void **)
{
    assert_says("# " + std::string(cli::config_max_bytes, 'x'),
                "f: more than 65536 bytes: this is no configuration");
    assert_says("database:\n  ipfs: " + repeat("[", 30000),
                "f:2: nested more than 8 levels deep");
    assert_says(repeat("{a: ", 15000), "f:1: a: unknown section; known are node, "
                                       "database, discovery, security, client, "
                                       "logging\nf:1: nested more than 8 levels deep");
    assert_says("node:\n  data_dir: " + std::string(4096, 'x') + "\n",
                "f:2: node.data_dir: a path of 4096 bytes; at most 4095");
    assert_says("node:\n  " + std::string(65, 'k') + ": 1\n",
                "f:2: node: a key is one word");
    assert_says("node:\n  data_dir: " + std::string(4097, 'x') + "\n",
                "f:2: node.data_dir: a value of 4097 bytes; at most 4096");
    assert_says("node:\n  listen_addresses: [" + repeat("x,", 257) + "]\n",
                "f:2: node.listen_addresses: more than 256 items");
    std::string addresses;
    for (int i = 1; i <= 17; i++) {
        addresses += "    - /ip4/127.0.0.1/tcp/" + std::to_string(i) + "\n";
    }
    assert_says("node:\n  listen_addresses:\n" + addresses,
                "f:2: node.listen_addresses: 17 addresses, at most 16");
    assert_says("discovery:\n  bootstrap_peers:\n" +
                    repeat("    - /ip4/1.2.3.4/tcp/1/p2p/" PEER "\n", 65),
                "f:2: discovery.bootstrap_peers: 65 addresses, at most 64");
    assert_says(std::string("node:\n  data_dir: \"a\\0b\"\n"),
                "f:2: node.data_dir: a control character in the value");
    assert_says(std::string("node:\n  data_dir: a\0b\n", 22),
                "f:2: not a text in UTF-8 without control characters");
    assert_says(std::string("\xFF\xFEn\0o\0", 6),
                "f:1: not a text in UTF-8 without control characters");
}

// A billion laughs: nothing is ever expanded.
static void a_bomb_of_aliases_is_refused(void **)
{
    std::string text = "a0: &a0 [x]\n";
    for (int i = 1; i < 30; i++) {
        std::string last = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + "," +
                last + "]\n";
    }
    assert_says(text, "f:1: a0: unknown section; known are node, database, discovery, "
                      "security, client, logging\n"
                      "f:1: an anchor or alias (&name, *name): write the value out");
}

static void a_layer_names_itself(void **)
{
    const std::pair<const char *, const char *> assigned[] = {
        {"node.max_connections", "--set: node.max_connections: takes KEY=VALUE"},
        {"node.max_connections=0",
         "--set: node.max_connections: '0' is not a whole number from 1 to 65536"},
        {"max_connections=1",
         "--set: max_connections: unknown key: did you mean node.max_connections?"},
        {"client.retry_attempts=101",
         "--set: client.retry_attempts: '101' is not a whole number from 0 to 100"},
        {"client.client_connections=1", "--set: client.client_connections: unknown key: "
                                        "did you mean client.connections?"},
        {"=", "--set: : unknown key; `debros config show` lists the known ones"},
        {"node.listen_addresses=/ip4/1.2.3.4/udp/1/quic-v1",
         "--set: node.listen_addresses: no address is left: add one such as "
         "/ip4/0.0.0.0/tcp/4001"},
    };
    for (const auto &[text, expected] : assigned) {
        cli::Configuration config;
        config.assign(text);
        assert_string_equal(problems(config).c_str(), expected);
    }
    cli::Configuration config;
    config.add_environment(
        [](const char *name) {
            return std::string(name) == "DEBROS_SECURITY_OPEN" ? "1" : "";
        },
        {});
    config.set(cli::Key::bootstrap_peers, std::vector<std::string>{"x"}, "--bootstrap");
    assert_string_equal(problems(config).c_str(),
                        "DEBROS_SECURITY_OPEN: security.open: '1' is not true or false\n"
                        "--bootstrap: discovery.bootstrap_peers: 'x': \"x\" is no "
                        "multiaddr; write it like /ip4/127.0.0.1/tcp/4001");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(each_is_refused_with_its_words),
        cmocka_unit_test(many_errors_are_told_in_one_go),
        cmocka_unit_test(the_number_of_errors_is_bounded),
        cmocka_unit_test(size_depth_and_length_are_bounded),
        cmocka_unit_test(a_bomb_of_aliases_is_refused),
        cmocka_unit_test(a_layer_names_itself),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
