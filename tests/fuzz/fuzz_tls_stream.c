/* fuzz_tls_stream: the bytes of a client, as they are (seeds: ClientHellos). The first byte, not a
 * record's, chooses in which pieces they come. In builds without OpenSSL, the parts that need
 * none. */
#include "fuzz.h"
#include "tls/tls_framing.h"
#include "tls/tls_hello.h"

/* The verdict is the same however the bytes are cut. */
static void check_framing(struct str bytes, size_t step)
{
    struct tls_framing whole = {0}, cut = {0};
    bool allowed = tls_framing_follow(&whole, bytes), allowed_cut = true;
    for (struct str rest = bytes; rest.length > 0 && allowed_cut; rest = str_from(rest, step))
        allowed_cut = tls_framing_follow(&cut, str_first(rest, step));
    FUZZ_CHECK(allowed == allowed_cut);
}

/* Extensions are read within their bounds. */
static void check_hello(struct str bytes)
{
    struct tls_hello hello = {.suites = bytes};
    tls_hello_read_host(&hello, bytes);
    tls_hello_read_schemes(&hello, bytes);
    tls_hello_read_versions(&hello, bytes);
    tls_hello_takes(&hello, TLS_SCHEME_P256);
    tls_hello_takes(&hello, TLS_SCHEME_ANY_RSA);
    FUZZ_CHECK(!hello.host.at || (hello.host.at >= bytes.at &&
                                  hello.host.at + hello.host.length <= bytes.at + bytes.length));
}

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_rig.h"

static struct tls_context *context(void)
{
    static struct tls_rig rig;
    if (!rig.context) {
        const struct tls_maker makers[] = {{.names = "DNS:example.org"},
                                           {.names = "DNS:*.example.org"}};
        tls_rig_init(&rig, makers, COUNT_OF(makers));
    }
    return rig.context;
}

/* A client that does not answer the server never gets past its handshake, and a flight is short. */
static void check_stream(struct str bytes, size_t step)
{
    struct tls_context *tls = context();
    struct tls_stream *stream = tls_stream_create(tls);
    enum tls_result result = TLS_WANTS_INPUT;
    FUZZ_CHECK(stream != NULL);
    for (; bytes.length > 0 && result == TLS_WANTS_INPUT; bytes = str_from(bytes, step)) {
        tls->input = str_first(bytes, step);
        result = tls_stream_handshake(tls, stream);
        FUZZ_CHECK(result == TLS_WANTS_INPUT || result == TLS_FAILED);
        FUZZ_CHECK(result == TLS_FAILED || tls->input.length == 0);
    }
    FUZZ_CHECK(tls->output_length < TLS_RECORD_BYTES_MAX);
    tls->output_length = 0;
    tls_stream_close(tls, stream);
    FUZZ_CHECK(tls->output_length == 0);
    tls_stream_destroy(stream);
}

#else

static void check_stream(struct str bytes, size_t step)
{
    (void)bytes;
    (void)step;
}

#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const size_t step = data[0] ? data[0] : SIZE_MAX;
    char *copy = fuzz_copy(fuzz_input(data + 1, size - 1));
    const struct str bytes = {copy, size - 1};
    check_framing(bytes, step);
    check_hello(bytes);
    check_stream(bytes, step);
    free(copy);
    return 0;
}
