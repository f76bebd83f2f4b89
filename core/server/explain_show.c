/* explain_show: see explain_parts.h. Shows the facts that the modules of serving have left in the
 * exchange; it decides nothing. */
#include "server/explain_parts.h"

#include "config/options.h"
#include "http/accept_type.h"
#include "site/site_resource.h"

enum {
    LABEL_COLUMNS = 12,
    UNLISTED_WEIGHT = 1, /* of identity, if the request does not mention it */
};

/* Starts a line with LABEL; "": one more line of the same. */
static void label(FILE *out, const char *text)
{
    fprintf(out, "%-*s", LABEL_COLUMNS, text);
}

/* Writes " (FILE, line N)", or where else the value number INDEX of the option NAME comes from. */
static void write_source(const struct explain *explain, FILE *out, const char *name, unsigned index)
{
    const struct option_spec *option = option_find(str_of(name));
    struct setting setting;
    if (!settings_find(explain->generation->settings, explain->exchange.site->settings, option,
                       index, &setting))
        fprintf(out, " (%s, the default)", name);
    else if (setting.file)
        fprintf(out, " (%s, %s, line %u)", name, setting.file, setting.line);
    else
        fprintf(out, " (--%s)", name);
}

/* --- The site --------------------------------------------------------------------------------- */

/* The name of SITE that HOST has matched; NULL: "*", or the request names no host. */
static const char *matched_name(const struct site_settings *site, struct str host)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < site->hosts.count; i++) {
            const struct str name = str_of(site->hosts.items[i]);
            const bool wild = str_starts_with(name, STR("*."));
            if (pass == 0 && str_equal_nocase(name, host))
                return name.at;
            if (pass == 1 && wild &&
                str_equal_nocase(str_from(name, 1), str_from(host, str_find(host, '.'))))
                return name.at;
        }
    }
    return NULL;
}

static void show_site(const struct explain *explain, FILE *out)
{
    char buffer[AUTHORITY_HOST_BYTES_MAX];
    const struct settings *settings = explain->generation->settings;
    const struct str host = authority_host(explain->head.request.authority, buffer);
    const struct site *site = explain->exchange.site;
    label(out, "Site");
    if (!site) {
        fprintf(out, "none: no site has the host name '%.*s'\n", (int)host.length, host.at);
        return;
    }
    const char *name = matched_name(site->settings, host);
    if (settings->site_count == 1)
        fputs("the only one, for every host", out);
    else if (name)
        fprintf(out, "%s", name);
    else
        fputs(host.length > 0 ? "the default, *" : "that of requests without a host", out);
    if (site->settings->line > 0)
        fprintf(out, " (%s, line %u)", site->settings->file, site->settings->line);
    fputc('\n', out);
    label(out, "Root");
    fprintf(out, "%s\n", site->settings->root);
}

/* --- What was found --------------------------------------------------------------------------- */

static void show_redirect(const struct explain *explain, FILE *out)
{
    label(out, "Redirect");
    switch (explain->exchange.redirect) {
    case EXCHANGE_REDIRECT_HTTPS:
        fputs("to https, by its listener", out);
        break;
    case EXCHANGE_REDIRECT_CANONICAL:
        fputs("to the canonical name", out);
        write_source(explain, out, "canonical", 0);
        break;
    case EXCHANGE_REDIRECT_RULE:
        fputs("by a rule", out);
        write_source(explain, out, "redirect", explain->exchange.redirect_index);
        break;
    case EXCHANGE_REDIRECT_NONE:
        break;
    }
    fputc('\n', out);
}

/* Writes the path of the file of RESOURCE, which is served for PATH. */
static void write_file(const struct explain *explain, FILE *out, const struct path *path,
                       const struct resource *resource)
{
    const struct site_settings *site = explain->exchange.site->settings;
    const struct str view = path_view(path);
    fprintf(out, "%s/%.*s", site->root, (int)view.length, view.at);
    if (path->directory) {
        const struct str index = site_settings_index(site, resource->index);
        fprintf(out, "%s%.*s", view.length > 0 ? "/" : "", (int)index.length, index.at);
    }
}

static void show_found(const struct explain *explain, FILE *out, const struct path *path)
{
    const struct found *found = &explain->exchange.found;
    const struct resource *resource = found->resource;
    const struct site_settings *site = explain->exchange.site->settings;
    const bool has_page = found->page && found->page->kind == RESOURCE_FILE;
    label(out, "Found");
    switch (resource->kind) {
    case RESOURCE_FILE:
        write_file(explain, out, path, resource);
        break;
    case RESOURCE_LISTING:
        fputs("a directory without an index, which is listed", out);
        write_source(explain, out, "listing", 0);
        break;
    case RESOURCE_REDIRECT:
        fputs("a directory, whose URL ends in a slash", out);
        break;
    case RESOURCE_REFUSAL:
        fprintf(out, "nothing that is served: %d", resource->status);
        if (has_page && found->fallback)
            fprintf(out, "; in its place %s/%s", site->root, site->fallback.at);
        else if (has_page)
            fprintf(out, "; with the page %s", site->error_page.at);
        break;
    }
    fputc('\n', out);
}

/* --- Variants --------------------------------------------------------------------------------- */

/* The weight that the request gives VARIANT of RESOURCE, in thousandths. */
static unsigned weight_of(const struct explain *explain, const struct resource *resource,
                          const struct variant *variant)
{
    const struct request *request = &explain->head.request;
    char joined[REQUEST_JOINED_BYTES_MAX];
    uint16_t weights[CONTENT_CODING_COUNT];
    if (resource->kind == RESOURCE_LISTING)
        return accept_type_weight(request_field(request, HTTP_FIELD_ACCEPT, joined),
                                  variant->media_type);
    content_coding_weigh(request_field(request, HTTP_FIELD_ACCEPT_ENCODING, joined), weights);
    return weights[variant->coding];
}

static void show_variants(const struct explain *explain, FILE *out, const struct resource *resource)
{
    const struct plan *plan = &explain->exchange.plan;
    const char *title = "Variants";
    for (unsigned i = 0; i < resource->variant_count; i++) {
        const struct variant *variant = &resource->variants[i];
        const struct str name = resource->kind == RESOURCE_LISTING
                                    ? variant->media_type
                                    : content_coding_texts[variant->coding].name;
        const unsigned weight = weight_of(explain, resource, variant);
        const char *verdict = weight == 0 ? "not acceptable" : "not chosen";
        if (variant == plan->variant ||
            (plan->part_count > 0 && plan->parts[0].blob == variant->body))
            verdict = "chosen";
        label(out, title);
        fprintf(out, "%.*s, %ju bytes, ", (int)name.length, name.at,
                (uintmax_t)variant->body->length);
        if (weight == UNLISTED_WEIGHT)
            fprintf(out, "acceptable: %s\n", verdict);
        else
            fprintf(out, "q=%u.%03u: %s\n", weight / QVALUE_MAX, weight % QVALUE_MAX, verdict);
        title = "";
    }
    if (!plan->variant)
        return;
    label(out, "Validators");
    if (plan->variant->etag.at)
        fprintf(out, "ETag %.*s", (int)plan->variant->etag.length, plan->variant->etag.at);
    else
        fputs("no ETag: the file has just changed", out);
    fprintf(out, ", %s Last-Modified\n", plan->variant->dated ? "with" : "without");
}

/* --- Rules ------------------------------------------------------------------------------------ */

/* The kind of the answer, by which rules are chosen. */
static enum rules_response_kind kind_of(const struct plan *plan)
{
    if (plan->prepared >= PLAN_PARTIAL)
        return RULES_FILE;
    if (plan->status >= 400)
        return RULES_ERROR;
    return RULES_OTHER;
}

struct rules_shown {
    const struct explain *explain;
    FILE *out;
    unsigned count;
    bool cache_control; /* a rule has it */
};

static void show_rule(void *context, const struct rules_step *step)
{
    struct rules_shown *shown = context;
    label(shown->out, shown->count++ == 0 ? "Rules" : "");
    if (step->removes)
        fprintf(shown->out, "! %.*s", (int)step->name.length, step->name.at);
    else
        fprintf(shown->out, "%.*s: %.*s", (int)step->name.length, step->name.at,
                (int)step->value.length, step->value.at ? step->value.at : "");
    if (step->line > 0)
        fprintf(shown->out, " (" SITE_RULES_NAME ", line %u)", step->line);
    else
        write_source(shown->explain, shown->out, "header", step->index);
    fputc('\n', shown->out);
    shown->cache_control =
        shown->cache_control || str_equal_nocase(step->name, STR("Cache-Control"));
}

static void show_rules(const struct explain *explain, FILE *out, const struct path *path)
{
    char host[AUTHORITY_HOST_BYTES_MAX];
    const struct resource *resource = explain->exchange.found.resource;
    const struct site *site = explain->exchange.site;
    const struct site_target target = {
        .path = path,
        .host = authority_host(explain->head.request.authority, host),
    };
    struct rules_shown shown = {.explain = explain, .out = out};
    site_resource_trace_rules(site, &target, kind_of(&explain->exchange.plan), show_rule, &shown);
    if (!resource || !explain->exchange.plan.variant)
        return;
    label(out, "Cache");
    if (shown.cache_control)
        fputs("Cache-Control is that of a rule", out);
    else if (resource->hashed)
        fputs("for a year: the name has a hash of the content, or --immutable matches it", out);
    else
        fputs("as for all files", out);
    if (!shown.cache_control && !resource->hashed)
        write_source(explain, out, "cache-control", 0);
    fprintf(out, "; the file is checked again after %u ms", site->settings->cache_valid_ms);
    write_source(explain, out, "cache-valid", 0);
    fputc('\n', out);
}

/* --- All of it -------------------------------------------------------------------------------- */

void explain_show(const struct explain *explain, FILE *out)
{
    const struct exchange *exchange = &explain->exchange;
    const struct request *request = &explain->head.request;
    const struct resource *resource = exchange->found.resource;
    struct path path;
    label(out, "Request");
    fprintf(out, "%s %.*s, host %.*s, %s\n", explain->method, (int)request->path.length,
            request->path.at ? request->path.at : "", (int)request->authority.length,
            request->authority.at ? request->authority.at : "",
            explain->url.secure ? "https" : "http");
    show_site(explain, out);
    if (request->refusal) {
        label(out, "Refused");
        fprintf(out, "with %d, whatever the path\n", request->refusal);
    }
    if (exchange->redirect) {
        show_redirect(explain, out);
    } else if (exchange->site && path_decode(request->path, &path) != PATH_MALFORMED) {
        const bool rules_alone =
            !resource || (resource->kind == RESOURCE_REFUSAL && resource->status == HTTP_NONE);
        if (!rules_alone)
            show_found(explain, out, &path);
        const struct resource *content = exchange->found.page ? exchange->found.page : resource;
        if (content && content->variant_count > 0)
            show_variants(explain, out, content);
        show_rules(explain, out, &path);
    }
    fputc('\n', out);
}
