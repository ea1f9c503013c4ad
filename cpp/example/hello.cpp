// A cluster of one node in a folder: create it, write, read, and read once more.
//
//     hello DATA_DIR
#include <debros/debros.hpp>

#include <iostream>

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::cerr << "usage: hello DATA_DIR\n";
        return 2;
    }
    debros::Config config;
    config.data_dir = argv[1];
    try {
        debros::init(config);
        debros::Node node(config);
        node.start().get();

        auto sql = node.sql();
        sql.exec("CREATE TABLE greeting(id INTEGER PRIMARY KEY, text TEXT)").get();
        auto tx = sql.transaction();
        tx.add("INSERT INTO greeting(text) VALUES (?)", "hello");
        tx.add("INSERT INTO greeting(text) VALUES (?)", "world");
        tx.commit().get();

        auto rows = sql.query("SELECT id, text FROM greeting ORDER BY id").get();
        for (auto row : rows) {
            std::cout << row["id"].as<std::int64_t>() << " "
                      << row["text"].as<std::string>() << "\n";
        }
        // The same in the background.
        auto count = sql.query("SELECT count(*) FROM greeting").future();
        std::cout << count.get()[0][0].as<std::int64_t>() << " rows\n";
        node.stop().get();
    } catch (const debros::Error &error) {
        std::cerr << "hello: " << error.what() << "\n";
        return 1;
    }
    return 0;
}
