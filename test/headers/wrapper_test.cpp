// debros.hpp stands alone.
#include <debros/debros.hpp>
#include <debros/debros.hpp>

int main()
{
    debros::Config config;
    return config.data_dir.empty() ? 0 : 1;
}
