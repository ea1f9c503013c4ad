#include "config_file.hpp"

#include <cyaml/cyaml.h>

#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <memory>

namespace cli
{
namespace
{

// What libcyaml fills: one Section for each section of the file, NULL where it has none.
// A section uses the places of its own keys only.
struct Section {
    char *texts[key_count];
    char **items[key_count];
    unsigned n_items[key_count];
};
struct Raw {
    Section *sections[8];
};

// The table of keys as a schema of libcyaml.
class Schema
{
  public:
    Schema()
    {
        item_.type = CYAML_STRING;
        item_.flags = CYAML_FLAG_POINTER;
        item_.data_size = sizeof(char);
        item_.string.max = config_max_text;
        fields_.resize(sections().size());
        for (std::size_t s = 0; s < sections().size(); s++) {
            for (std::size_t k = 0; k < key_count; k++) {
                const Setting &setting = settings()[k];
                if (section_of(setting) == sections()[s]) {
                    names_.push_back(std::make_unique<std::string>(name_of(setting)));
                    fields_[s].push_back(field(setting, k, names_.back()->c_str()));
                }
            }
            fields_[s].push_back({});
            top_.push_back(section(s));
        }
        top_.push_back({});
        root.type = CYAML_MAPPING;
        root.flags = CYAML_FLAG_POINTER;
        root.data_size = sizeof(Raw);
        root.mapping.fields = top_.data();
    }
    Schema(const Schema &) = delete;
    Schema &operator=(const Schema &) = delete;

    cyaml_schema_value_t root{};

  private:
    static constexpr auto optional_pointer =
        static_cast<cyaml_flag_e>(CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER_NULL_STR);

    cyaml_schema_field_t field(const Setting &setting, std::size_t k, const char *name)
    {
        cyaml_schema_field_t field{};
        field.key = name;
        field.value.flags = optional_pointer;
        if (is_list(setting)) {
            field.value.type = CYAML_SEQUENCE;
            field.data_offset = static_cast<std::uint32_t>(offsetof(Section, items) +
                                                           k * sizeof(char **));
            field.count_offset = static_cast<std::uint32_t>(offsetof(Section, n_items) +
                                                            k * sizeof(unsigned));
            field.count_size = sizeof(unsigned);
            field.value.data_size = sizeof(char *);
            field.value.sequence.entry = &item_;
            field.value.sequence.max = config_max_items;
        } else {
            field.value.type = CYAML_STRING;
            field.data_offset =
                static_cast<std::uint32_t>(offsetof(Section, texts) + k * sizeof(char *));
            field.value.data_size = sizeof(char);
            field.value.string.max = config_max_text;
        }
        return field;
    }

    cyaml_schema_field_t section(std::size_t s)
    {
        cyaml_schema_field_t field{};
        field.key = sections()[s].c_str();
        field.data_offset = static_cast<std::uint32_t>(s * sizeof(Section *));
        field.value.type = CYAML_MAPPING;
        field.value.flags = optional_pointer;
        field.value.data_size = sizeof(Section);
        field.value.mapping.fields = fields_[s].data();
        return field;
    }

    cyaml_schema_value_t item_{};
    std::vector<std::unique_ptr<std::string>> names_;
    std::vector<std::vector<cyaml_schema_field_t>> fields_;
    std::vector<cyaml_schema_field_t> top_;
};

const cyaml_schema_value_t &schema()
{
    static const Schema built;
    return built.root;
}

// libcyaml's words, in one line.
void gather(cyaml_log_t, void *context, const char *format, va_list args)
{
    char line[256];
    std::vsnprintf(line, sizeof line, format, args);
    auto &words = *static_cast<std::string *>(context);
    for (const char *at = line; *at && words.size() < 512; at++) {
        words += *at == '\n' ? ' ' : *at;
    }
}

class Loaded
{
  public:
    Loaded(std::string_view text, std::string &words)
    {
        config_.log_fn = gather;
        config_.log_ctx = &words;
        config_.mem_fn = cyaml_mem;
        config_.log_level = CYAML_LOG_ERROR;
        config_.flags = static_cast<cyaml_cfg_flags_t>(CYAML_CFG_IGNORE_UNKNOWN_KEYS |
                                                       CYAML_CFG_NO_ALIAS);
        void *data = nullptr;
        error = cyaml_load_data(reinterpret_cast<const std::uint8_t *>(text.data()),
                                text.size(), &config_, &schema(), &data, nullptr);
        raw = static_cast<Raw *>(data);
    }
    Loaded(const Loaded &) = delete;
    Loaded &operator=(const Loaded &) = delete;
    ~Loaded()
    {
        cyaml_free(&config_, &schema(), raw, 0);
    }

    cyaml_err_t error;
    Raw *raw = nullptr;

  private:
    cyaml_config_t config_{};
};

void take(FileValues &out, const Section &from, std::size_t k, const Mark &mark)
{
    FileValue value;
    value.line = mark.line;
    value.lines = mark.items;
    if (is_list(settings()[k])) {
        for (unsigned i = 0; from.items[k] && i < from.n_items[k]; i++) {
            value.items.emplace_back(from.items[k][i] ? from.items[k][i] : "");
        }
        if (value.items.empty()) {
            return;
        }
    } else if (!from.texts[k]) {
        return;
    } else {
        value.text = from.texts[k];
    }
    out.values[k] = std::move(value);
}

void take_all(FileValues &out, const Raw &raw, const Scan &scan)
{
    for (std::size_t k = 0; k < key_count; k++) {
        const Mark *mark = find_mark(scan, settings()[k].path);
        for (std::size_t s = 0; mark && s < sections().size(); s++) {
            if (raw.sections[s] && section_of(settings()[k]) == sections()[s]) {
                take(out, *raw.sections[s], k, *mark);
            }
        }
    }
}

} // namespace

FileValues load_config(std::string_view text, const std::string &name)
{
    FileValues out;
    Scan scan = scan_config(text, name);
    for (const auto &mark : scan.marks) {
        const Setting *setting = find_setting(mark.path);
        if (setting->use != Use::works && !mark.empty) {
            out.others.push_back(mark);
        }
    }
    if (scan.shaped) {
        std::string words;
        Loaded loaded(text, words);
        if (loaded.error != CYAML_OK) {
            out.problems.push_back(
                {{name}, words + "(" + cyaml_strerror(loaded.error) + ")"});
        } else if (loaded.raw) {
            take_all(out, *loaded.raw, scan);
        }
    }
    out.problems.insert(out.problems.end(), scan.problems.begin(), scan.problems.end());
    return out;
}

} // namespace cli
