/* settings_print: see settings_print.h. */
#include "config/settings_print.h"

#include "config/environment.h"
#include "config/options.h"

enum { SOURCE_COLUMN = 40 };

/* Writes TEXT as a value. Returns the number of bytes. */
static int write_value(FILE *out, const char *text)
{
    int bytes = 0;
    if (text[0] != '\0' && !strpbrk(text, "#\"") && !char_is_space(text[0]) &&
        !char_is_space(text[strlen(text) - 1]))
        return fprintf(out, "%s", text);
    bytes += fprintf(out, "\"");
    for (; *text; text++)
        bytes += fprintf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
    return bytes + fprintf(out, "\"");
}

/* Where SETTING comes from, in words. */
static void write_source(FILE *out, const struct setting *setting)
{
    char name[ENVIRONMENT_NAME_BYTES];
    switch (setting->source) {
    case SETTING_DEFAULT:
        fprintf(out, "default");
        break;
    case SETTING_FILE:
    case SETTING_SECTION:
        fprintf(out, "%s, line %u", setting->file, setting->line);
        break;
    case SETTING_ENVIRONMENT:
        environment_name(setting->option, name);
        fprintf(out, "%s", name);
        break;
    case SETTING_COMMAND_LINE:
        fprintf(out, "command line");
        break;
    }
    fputc('\n', out);
}

/* Writes SETTING, which has a text unless it is a flag. */
static void write_setting(FILE *out, const struct setting *setting)
{
    int column = fprintf(out, "%s = ", setting->option->name);
    column += write_value(out, setting->text ? setting->text : "yes");
    fprintf(out, "%*s # ", column < SOURCE_COLUMN ? SOURCE_COLUMN - column : 0, "");
    write_source(out, setting);
}

/* Writes the values of OPTION in SCOPE, or its default. */
static void write_option(FILE *out, const struct settings *settings, const void *scope,
                         const struct option_spec *option)
{
    struct setting setting;
    unsigned index = 0;
    while (settings_find(settings, scope, option, index, &setting)) {
        write_setting(out, &setting);
        index++;
    }
    if (index > 0)
        return;
    setting = (struct setting){.option = option, .text = option->initial};
    if (option->kind == OPTION_KIND_FLAG)
        setting.text = "no";
    const char *words = option->derived ? option->derived : setting.text;
    if (setting.text && option->group != OPTION_GROUP_HTTPS)
        write_setting(out, &setting);
    else if (words)
        fprintf(out, "# %s: %s\n", option->name, words); /* not a value, or it needs HTTPS */
}

/* Writes the options of a scope, except --key, which follows its --cert. */
static void write_scope(FILE *out, const struct settings *settings, const void *scope,
                        enum option_scope kind)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (table[i].scope == kind && table[i].kind != OPTION_KIND_CERTIFICATE &&
            table[i].kind != OPTION_KIND_KEY)
            write_option(out, settings, scope, &table[i]);
    }
}

/* Writes each certificate with its key. */
static void write_certificates(FILE *out, const struct settings *settings)
{
    const struct certificate_paths *paths = &settings->process.certificates;
    const struct option_spec *cert = option_find(STR("cert")), *key = option_find(STR("key"));
    struct setting setting;
    unsigned keys = 0;
    for (unsigned i = 0; i < paths->certificates.count; i++) {
        if (settings_find(settings, &settings->process, cert, i, &setting))
            write_setting(out, &setting);
        if (paths->keys.items[i][0] != '\0' &&
            settings_find(settings, &settings->process, key, keys++, &setting))
            write_setting(out, &setting);
    }
}

void settings_print(const struct settings *settings, FILE *out)
{
    write_scope(out, settings, settings->listeners[0], OPTION_SCOPE_LISTENER);
    write_certificates(out, settings);
    write_scope(out, settings, &settings->process, OPTION_SCOPE_PROCESS);
    for (unsigned i = 0; i < settings->site_count; i++) {
        const struct site_settings *site = settings->sites[i];
        fputc('\n', out);
        if (site->hosts.count > 0) {
            fprintf(out, "[site");
            for (unsigned j = 0; j < site->hosts.count; j++)
                fprintf(out, " %s", site->hosts.items[j]);
            fprintf(out, "]");
            if (site->line > 0)
                fprintf(out, " # %s, line %u", site->file, site->line);
            fputc('\n', out);
        }
        write_scope(out, settings, site, OPTION_SCOPE_SITE);
    }
}
