// debros.h stands alone in C++17, and may be included twice.
#include <debros.h>
#include <debros.h>

int main()
{
    debros_config config;
    debros_config_default(&config);
    return config.size == sizeof(config) ? 0 : 1;
}
