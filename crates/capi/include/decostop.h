#ifndef DECOSTOP_H
#define DECOSTOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the Arrow C stream interface; its definition is that of the Arrow project. */
struct ArrowArrayStream;

/*
 What a callback answers to go on.
 */
#define DCS_CONTINUE 0

/*
 What a callback answers to end the dive, which then fails with `DCS_INTERRUPTED`; any other number
 but `DCS_CONTINUE` does the same.
 */
#define DCS_STOP 1

/*
 Option: learn foreign names from every line, not only from matched ones. Slower.
 */
#define DCS_LEARN_ALL 1

/*
 Option: look for ids that records pair with selected names, too. Reads the inputs once more.
 */
#define DCS_FOLLOW_IDS 2

/*
 Option: look for lines that share a correlation id with a match, too. Reads the inputs once more.
 */
#define DCS_FOLLOW_CORRELATION 3

/*
 Option: disclose equal lines of one source and time once.
 */
#define DCS_DEDUP 4

/*
 Rises when something in the header changes its meaning; additions do not raise it.
 */
#define DCS_ABI_VERSION 1

/*
 What became of a call. Numbers are never given a second meaning.
 */
enum dcs_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /*
     Done; what the call gives was written.
     */
    DCS_OK = 0,
    /*
     The line is withheld: it could not be decided. Nothing was written.
     */
    DCS_WITHHELD = 1,
    /*
     A pointer is NULL that must not be.
     */
    DCS_NULL_POINTER = 7001,
    /*
     Text is not UTF-8, or longer than an address space.
     */
    DCS_INVALID_TEXT = 7002,
    /*
     The request, the profile or a setting is wrong; nothing was read.
     */
    DCS_CONFIG = 7003,
    /*
     A condition refuses the request.
     */
    DCS_REFUSED = 7004,
    /*
     An input could not be opened or decoded.
     */
    DCS_SOURCE = 7005,
    /*
     An output could not be written.
     */
    DCS_SINK = 7006,
    /*
     A limit was reached.
     */
    DCS_LIMIT = 7007,
    /*
     The verifier found something that must not leave; nothing left.
     */
    DCS_LEAK = 7008,
    /*
     `dcs_dive_cancel` was called, or a callback answered `DCS_STOP`.
     */
    DCS_INTERRUPTED = 7009,
    /*
     The handle is in use by another thread.
     */
    DCS_BUSY = 7010,
    /*
     An earlier call on this handle panicked: it can only be freed.
     */
    DCS_POISONED = 7011,
    /*
     A fault of decostop. Please report it.
     */
    DCS_INTERNAL = 7012,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum dcs_status dcs_status;
#else
typedef uint32_t dcs_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 The stage of a dive.
 */
enum dcs_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /*
     Inputs are read.
     */
    DCS_SCANNING = 0,
    /*
     Matched lines are redacted and verified.
     */
    DCS_REDACTING = 1,
    /*
     The finished result is verified once more.
     */
    DCS_VERIFYING = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum dcs_phase dcs_phase;
#else
typedef uint32_t dcs_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 Bytes made by this library, freed by the caller.
 */
typedef struct dcs_buffer dcs_buffer;

/*
 A dive: its settings, and runs of it. `dcs_dive_cancel` and `dcs_dive_progress` may be called from
 any thread at any time; everything else by one thread at a time (`DCS_BUSY` otherwise).
 */
typedef struct dcs_dive dcs_dive;

/*
 Why a call failed, in words that never hold bytes of a log.
 */
typedef struct dcs_error dcs_error;

/*
 What a platform's logs look like. Read-only: any number of threads may use it.
 */
typedef struct dcs_profile dcs_profile;

/*
 Redacts lines of one source, one at a time. One thread at a time may use it.
 */
typedef struct dcs_redactor dcs_redactor;

/*
 What a dive did. Holds no bytes of a log.
 */
typedef struct dcs_report dcs_report;

/*
 Who asks, what they own, what to look for. Read-only: any number of threads may use it.
 */
typedef struct dcs_request dcs_request;

/*
 Bytes with a length: no terminating zero is needed, none is written. Borrowed: the function that
 takes one copies what it keeps, the function that gives one says how long it is valid.
 */
typedef struct dcs_str {
    /*
     The first byte; may be NULL if `len` is 0.
     */
    const char *data;
    /*
     Number of bytes.
     */
    size_t len;
} dcs_str;

/*
 How far a dive is.
 */
typedef struct dcs_progress {
    /*
     The stage.
     */
    dcs_phase phase;
    /*
     Bytes of all inputs as stored.
     */
    uint64_t bytes_total;
    /*
     Bytes of inputs that are done.
     */
    uint64_t bytes_done;
    /*
     Bytes decoded.
     */
    uint64_t decoded_bytes;
    /*
     Lines matched.
     */
    uint64_t matched;
    /*
     Records disclosed.
     */
    uint64_t records;
} dcs_progress;

/*
 Called about ten times a second while a dive runs, by the thread that runs it. It must not unwind
 (no exception, no `longjmp`) and not free the dive; it may call `dcs_dive_cancel`.
 */
typedef uint32_t (*dcs_progress_fn)(void *userdata, const struct dcs_progress *progress);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 The bytes; valid until the buffer is freed. Empty for NULL.

 # Safety
 `buffer` is NULL or a buffer of this library that was not freed.
 */
struct dcs_str dcs_buffer_bytes(const struct dcs_buffer *buffer);

/*
 Frees a buffer; NULL is allowed.

 # Safety
 `buffer` is NULL or a buffer of this library that was not freed; it is not used again.
 */
void dcs_buffer_free(struct dcs_buffer *buffer);

/*
 Checks the conditions of a request, as `decostop check` does. `accepted` becomes whether the
 request may be looked into at all, `json` the conditions one by one and the route that follows
 (the shape of `decostop check --json`). A refusal is an answer, no failure.

 # Safety
 `request` and `profile` were not freed; `accepted` and `json` may be written; `error` is NULL or
 may be written.
 */
dcs_status dcs_check(const struct dcs_request *request,
                     const struct dcs_profile *profile,
                     bool *accepted,
                     struct dcs_buffer **json,
                     struct dcs_error **error);

/*
 A dive for a request. The request and the profile are copied: they may be freed afterwards.

 # Safety
 `request` and `profile` were not freed; `dive` may be written; `error` is NULL or may be written.
 */
dcs_status dcs_dive_new(const struct dcs_request *request,
                        const struct dcs_profile *profile,
                        struct dcs_dive **dive,
                        struct dcs_error **error);

/*
 Adds something to read: a file, a directory, or a glob.

 # Safety
 `dive` was not freed, `path` is readable; `error` is NULL or may be written.
 */
dcs_status dcs_dive_add_input(struct dcs_dive *dive, struct dcs_str path, struct dcs_error **error);

/*
 Threads that read and redact; 0, as by default, is one for each core. The result does not depend on
 it.

 # Safety
 `dive` was not freed; `error` is NULL or may be written.
 */
dcs_status dcs_dive_set_threads(struct dcs_dive *dive, uint32_t threads, struct dcs_error **error);

/*
 Switches an option on or off; all are off by default. An unknown one is `DCS_CONFIG`.

 # Safety
 As `dcs_dive_set_threads`.
 */
dcs_status dcs_dive_set_option(struct dcs_dive *dive,
                               uint32_t option,
                               bool on,
                               struct dcs_error **error);

/*
 The pseudonym key, 32 bytes: the same key gives the same pseudonyms for the same request. By default
 each run has a fresh one.

 # Safety
 `dive` was not freed, `key` is readable; `error` is NULL or may be written.
 */
dcs_status dcs_dive_set_key(struct dcs_dive *dive,
                            struct dcs_str key,
                            struct dcs_error **error);

/*
 Has `callback` called while the dive runs; NULL takes it away.

 # Safety
 `dive` was not freed; `userdata` is whatever `callback` takes for it as long as the dive exists;
 `error` is NULL or may be written.
 */
dcs_status dcs_dive_set_progress(struct dcs_dive *dive,
                                 dcs_progress_fn callback,
                                 void *userdata,
                                 struct dcs_error **error);

/*
 Ends a run that goes on, soon; from any thread, also from a signal's handler. A run that begins
 later is not concerned.

 # Safety
 `dive` is NULL or was not freed.
 */
void dcs_dive_cancel(const struct dcs_dive *dive);

/*
 How far a dive is; from any thread.

 # Safety
 `dive` was not freed; `progress` may be written; `error` is NULL or may be written.
 */
dcs_status dcs_dive_progress(const struct dcs_dive *dive,
                             struct dcs_progress *progress,
                             struct dcs_error **error);

/*
 Runs the dive and leaves its artefact in the directory `out`, which must not exist. It appears only
 when it is complete and verified. `format` is that of the records: `ndjson` (also if it is empty),
 `parquet`, `csv` or `arrow`. `report` says what was done; see `dcs_report_missing`.

 # Safety
 `dive` was not freed, `out` and `format` are readable; `report` may be written; `error` is NULL or
 may be written.
 */
dcs_status dcs_dive_run_into(struct dcs_dive *dive,
                             struct dcs_str out,
                             struct dcs_str format,
                             struct dcs_report **report,
                             struct dcs_error **error);

/*
 Starts the dive and gives its verified records as an Arrow C stream, in order and in batches of bounded
 size. The dive runs on a thread of its own, a few batches ahead of the reader; it ends when the stream is
 released, whether or not it was read to its end. A failure is an error of the stream's `get_next`. The
 stream does not depend on the dive, which may be freed. No callback is called.

 # Safety
 `dive` was not freed; `stream` may be written, what it holds is not released; `error` is NULL or may be
 written.
 */
dcs_status dcs_dive_stream(struct dcs_dive *dive,
                           struct ArrowArrayStream *stream,
                           struct dcs_error **error);

/*
 What the dive of a stream did, once the stream was read to its end; `DCS_CONFIG` before.

 # Safety
 `dive` was not freed; `report` may be written; `error` is NULL or may be written.
 */
dcs_status dcs_dive_report(const struct dcs_dive *dive,
                           struct dcs_report **report,
                           struct dcs_error **error);

/*
 Frees a dive; NULL is allowed. No thread may be using it.

 # Safety
 `dive` is NULL or a dive of this library that was not freed; it is not used again.
 */
void dcs_dive_free(struct dcs_dive *dive);

/*
 The status that the failed call returned; `DCS_NULL_POINTER` for NULL.

 # Safety
 `error` is NULL or an error of this library that was not freed.
 */
dcs_status dcs_error_status(const struct dcs_error *error);

/*
 What went wrong, in UTF-8; valid until the error is freed. Empty for NULL.

 # Safety
 As `dcs_error_status`.
 */
struct dcs_str dcs_error_message(const struct dcs_error *error);

/*
 What can be done about it, in UTF-8, or nothing; valid until the error is freed. Empty for NULL.

 # Safety
 As `dcs_error_status`.
 */
struct dcs_str dcs_error_hint(const struct dcs_error *error);

/*
 Frees an error; NULL is allowed.

 # Safety
 `error` is NULL or an error of this library that was not freed; it is not used again.
 */
void dcs_error_free(struct dcs_error *error);

/*
 A built-in profile by its name: `gitlab`, `cloudtrail`, `kubernetes-audit`, `nginx`, `haproxy`.

 # Safety
 `name` is readable; `profile` may be written; `error` is NULL or may be written.
 */
dcs_status dcs_profile_builtin(struct dcs_str name,
                               struct dcs_profile **profile,
                               struct dcs_error **error);

/*
 A profile from its TOML text.

 # Safety
 As `dcs_profile_builtin`.
 */
dcs_status dcs_profile_parse(struct dcs_str text,
                             struct dcs_profile **profile,
                             struct dcs_error **error);

/*
 Frees a profile; NULL is allowed. What was made with it goes on.

 # Safety
 `profile` is NULL or a profile of this library that was not freed; it is not used again.
 */
void dcs_profile_free(struct dcs_profile *profile);

/*
 A redactor for lines of `source`. Without a request nothing is in scope, so that every identity
 becomes a pseudonym; `key` is 32 bytes, the same for the same pseudonyms. Names in free text are
 known from the lines so far.

 # Safety
 `profile` was not freed, `request` is NULL or was not freed, `source` and `key` are readable;
 `redactor` may be written; `error` is NULL or may be written.
 */
dcs_status dcs_redactor_new(const struct dcs_profile *profile,
                            const struct dcs_request *request,
                            struct dcs_str source,
                            struct dcs_str key,
                            struct dcs_redactor **redactor,
                            struct dcs_error **error);

/*
 Redacts and verifies one line, given without its end. `record` becomes the JSON line that may be
 disclosed; it is valid until the next call with this redactor. `DCS_WITHHELD` if the line cannot be
 decided.

 # Safety
 `redactor` was not freed, `line` is readable; `record` may be written; `error` is NULL or may be
 written.
 */
dcs_status dcs_redactor_line(struct dcs_redactor *redactor,
                             struct dcs_str line,
                             struct dcs_str *record,
                             struct dcs_error **error);

/*
 Frees a redactor; NULL is allowed.

 # Safety
 `redactor` is NULL or a redactor of this library that was not freed; it is not used again.
 */
void dcs_redactor_free(struct dcs_redactor *redactor);

/*
 Records that were disclosed; 0 for NULL.

 # Safety
 `report` is NULL or a report of this library that was not freed.
 */
uint64_t dcs_report_disclosed(const struct dcs_report *report);

/*
 Lines and ranges that were withheld, or inputs that were not read to their end, whichever are more;
 0 for NULL. If this is not 0, the result is incomplete, and `decostop` would exit with 2.

 # Safety
 As `dcs_report_disclosed`.
 */
uint64_t dcs_report_missing(const struct dcs_report *report);

/*
 Everything that was counted, as JSON; valid until the report is freed. Empty for NULL. Paths of
 inputs stand in it: it is for the house, not for the customer.

 # Safety
 As `dcs_report_disclosed`.
 */
struct dcs_str dcs_report_json(const struct dcs_report *report);

/*
 Frees a report; NULL is allowed.

 # Safety
 `report` is NULL or a report of this library that was not freed; it is not used again.
 */
void dcs_report_free(struct dcs_report *report);

/*
 Reads a request file, TOML or JSON, and the files that it names.

 # Safety
 `path` is readable, `profile` a profile that was not freed; `request` may be written; `error` is
 NULL or may be written.
 */
dcs_status dcs_request_load(struct dcs_str path,
                            const struct dcs_profile *profile,
                            struct dcs_request **request,
                            struct dcs_error **error);

/*
 Reads a request from text, TOML or JSON; files that it names are relative to the working directory.

 # Safety
 As `dcs_request_load`.
 */
dcs_status dcs_request_parse(struct dcs_str text,
                             const struct dcs_profile *profile,
                             struct dcs_request **request,
                             struct dcs_error **error);

/*
 Frees a request; NULL is allowed. What was made with it goes on.

 # Safety
 `request` is NULL or a request of this library that was not freed; it is not used again.
 */
void dcs_request_free(struct dcs_request *request);

/*
 Reads a finished directory again by an independent path, as `decostop verify` does. `clean` becomes
 whether it may be handed out, `json` what was found (the shape of `decostop verify --json`). A leak
 is an answer, no failure.

 # Safety
 `directory` is readable, `profile` was not freed; `clean` and `json` may be written; `error` is
 NULL or may be written.
 */
dcs_status dcs_verify(struct dcs_str directory,
                      const struct dcs_profile *profile,
                      bool *clean,
                      struct dcs_buffer **json,
                      struct dcs_error **error);

/*
 The `DCS_ABI_VERSION` of the library that is loaded: compare it with that of the header.
 */
uint32_t dcs_abi_version(void);

/*
 The version of decostop (`1.2.3`); valid as long as the library is loaded.
 */
struct dcs_str dcs_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DECOSTOP_H */
