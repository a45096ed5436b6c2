/* Everything that the header warns of: misuse REQUEST PATH OUT. Every fault has its status, nothing is
 * written on failure, and nothing leaks or is touched after it was freed (AddressSanitizer watches). */
#include <decostop.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int faults = 0;

#define EXPECT(what)                                                                                 \
    do {                                                                                             \
        if (!(what)) {                                                                               \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #what);                         \
            faults++;                                                                                \
        }                                                                                            \
    } while (0)

/* A call that must fail with this status and an error that tells it. */
#define FAILS(call, expected)                                                                        \
    do {                                                                                             \
        dcs_error *error = NULL;                                                                     \
        dcs_status status = call;                                                                    \
        EXPECT(status == (expected));                                                                \
        EXPECT(error != NULL && dcs_error_status(error) == status);                                  \
        EXPECT(dcs_error_message(error).len > 0);                                                    \
        dcs_error_free(error);                                                                       \
    } while (0)

static dcs_str str(const char *text) {
    dcs_str made = {text, strlen(text)};
    return made;
}

static uint32_t stop(void *userdata, const dcs_progress *progress) {
    (void)progress;
    ++*(int *)userdata;
    return DCS_STOP;
}

/* Settings cannot be changed from within a run; looking and cancelling is allowed. */
static uint32_t meddle(void *userdata, const dcs_progress *progress) {
    dcs_dive *dive = userdata;
    dcs_progress seen;
    (void)progress;
    FAILS(dcs_dive_set_threads(dive, 1, &error), DCS_BUSY);
    FAILS(dcs_dive_add_input(dive, str("x"), &error), DCS_BUSY);
    EXPECT(dcs_dive_progress(dive, &seen, NULL) == DCS_OK);
    dcs_dive_cancel(dive);
    return DCS_CONTINUE;
}

static uint32_t go_on(void *userdata, const dcs_progress *progress) {
    (void)userdata;
    EXPECT(progress->bytes_done <= progress->bytes_total);
    return DCS_CONTINUE;
}

static void *cancel_often(void *dive) {
    for (int i = 0; i < 1000; i++) {
        dcs_progress seen;
        dcs_dive_progress(dive, &seen, NULL);
    }
    return NULL;
}

static void profiles(void) {
    dcs_profile *profile = NULL;
    dcs_str none = {NULL, 3}, bad = {"\xff\xfe", 2}, huge = {"x", SIZE_MAX};
    FAILS(dcs_profile_builtin(none, &profile, &error), DCS_NULL_POINTER);
    FAILS(dcs_profile_builtin(bad, &profile, &error), DCS_INVALID_TEXT);
    FAILS(dcs_profile_builtin(huge, &profile, &error), DCS_INVALID_TEXT);
    FAILS(dcs_profile_builtin(str("gitlab"), NULL, &error), DCS_NULL_POINTER);
    FAILS(dcs_profile_builtin(str("nobody's"), &profile, &error), DCS_CONFIG);
    FAILS(dcs_profile_parse(str("version = 7"), &profile, &error), DCS_CONFIG);
    FAILS(dcs_profile_parse((dcs_str){NULL, 0}, &profile, &error), DCS_CONFIG);
    EXPECT(profile == NULL);
    /* Nobody wants to know why. */
    EXPECT(dcs_profile_builtin(str("nobody's"), &profile, NULL) == DCS_CONFIG);
    dcs_profile_free(NULL);
    dcs_error_free(NULL);
    dcs_buffer_free(NULL);
    EXPECT(dcs_buffer_bytes(NULL).len == 0);
    EXPECT(dcs_error_message(NULL).len == 0 && dcs_error_hint(NULL).len == 0);
    EXPECT(dcs_error_status(NULL) == DCS_NULL_POINTER);
}

static void requests(const dcs_profile *profile) {
    dcs_request *request = NULL;
    FAILS(dcs_request_load(str("/no/such/request.toml"), profile, &request, &error), DCS_CONFIG);
    FAILS(dcs_request_load(str(""), profile, &request, &error), DCS_CONFIG);
    FAILS(dcs_request_parse(str("version = 1\nnonsense = 2"), profile, &request, &error), DCS_CONFIG);
    FAILS(dcs_request_parse(str("version = 1"), NULL, &request, &error), DCS_NULL_POINTER);
    FAILS(dcs_request_parse(str("version = 1"), profile, NULL, &error), DCS_NULL_POINTER);
    EXPECT(request == NULL);
    dcs_request_free(NULL);
}

static void dives(const dcs_request *request, const dcs_profile *profile, const char *path, const char *out) {
    dcs_dive *dive = NULL;
    dcs_report *report = NULL;
    char place[4096];
    FAILS(dcs_dive_new(NULL, profile, &dive, &error), DCS_NULL_POINTER);
    FAILS(dcs_dive_new(request, NULL, &dive, &error), DCS_NULL_POINTER);
    FAILS(dcs_dive_new(request, profile, NULL, &error), DCS_NULL_POINTER);
    FAILS(dcs_dive_set_threads(NULL, 1, &error), DCS_NULL_POINTER);
    EXPECT(dive == NULL);
    EXPECT(dcs_dive_new(request, profile, &dive, NULL) == DCS_OK);
    FAILS(dcs_dive_set_option(dive, 77, true, &error), DCS_CONFIG);
    FAILS(dcs_dive_set_key(dive, str("too short"), &error), DCS_CONFIG);
    FAILS(dcs_dive_progress(dive, NULL, &error), DCS_NULL_POINTER);
    FAILS(dcs_dive_run_into(dive, str(""), str(""), &report, &error), DCS_CONFIG);
    EXPECT(dcs_dive_add_input(dive, str("/no/such/logs"), NULL) == DCS_OK);
    snprintf(place, sizeof place, "%s-missing", out);
    FAILS(dcs_dive_run_into(dive, str(place), str(""), &report, &error), DCS_CONFIG);
    dcs_dive_free(dive);

    EXPECT(dcs_dive_new(request, profile, &dive, NULL) == DCS_OK);
    EXPECT(dcs_dive_add_input(dive, str(path), NULL) == DCS_OK);
    int calls = 0;
    EXPECT(dcs_dive_set_progress(dive, stop, &calls, NULL) == DCS_OK);
    snprintf(place, sizeof place, "%s-stopped", out);
    FAILS(dcs_dive_run_into(dive, str(place), str(""), &report, &error), DCS_INTERRUPTED);
    EXPECT(calls == 1);
    EXPECT(dcs_dive_set_progress(dive, meddle, dive, NULL) == DCS_OK);
    FAILS(dcs_dive_run_into(dive, str(place), str(""), &report, &error), DCS_INTERRUPTED);
    EXPECT(report == NULL);

    /* The same dive once more, this time to its end; then again, where its result already is. */
    pthread_t other;
    EXPECT(dcs_dive_set_progress(dive, go_on, NULL, NULL) == DCS_OK);
    EXPECT(dcs_dive_set_option(dive, DCS_DEDUP, true, NULL) == DCS_OK);
    EXPECT(dcs_dive_set_threads(dive, 2, NULL) == DCS_OK);
    EXPECT(pthread_create(&other, NULL, cancel_often, dive) == 0);
    EXPECT(dcs_dive_run_into(dive, str(out), str(""), &report, NULL) == DCS_OK);
    pthread_join(other, NULL);
    EXPECT(dcs_report_disclosed(report) > 0);
    EXPECT(dcs_report_missing(report) == 0);
    EXPECT(dcs_report_json(report).len > 100);
    dcs_report_free(report);
    report = NULL;
    FAILS(dcs_dive_run_into(dive, str(out), str(""), &report, &error), DCS_CONFIG);
    FAILS(dcs_dive_run_into(dive, str(out), str(""), NULL, &error), DCS_NULL_POINTER);
    EXPECT(report == NULL);
    dcs_dive_free(dive);
    dcs_dive_free(NULL);
    dcs_dive_cancel(NULL);
    dcs_report_free(NULL);
    EXPECT(dcs_report_disclosed(NULL) == 0 && dcs_report_missing(NULL) == 0);
    EXPECT(dcs_report_json(NULL).len == 0);
}

static void checks(const dcs_request *request, const dcs_profile *profile, const char *out) {
    bool answer = false;
    dcs_buffer *json = NULL;
    FAILS(dcs_check(request, profile, NULL, &json, &error), DCS_NULL_POINTER);
    FAILS(dcs_check(request, profile, &answer, NULL, &error), DCS_NULL_POINTER);
    EXPECT(dcs_check(request, profile, &answer, &json, NULL) == DCS_OK && answer);
    EXPECT(dcs_buffer_bytes(json).len > 100);
    dcs_buffer_free(json);
    json = NULL;
    FAILS(dcs_verify(str("/no/such/result"), profile, &answer, &json, &error), DCS_CONFIG);
    EXPECT(json == NULL);
    EXPECT(dcs_verify(str(out), profile, &answer, &json, NULL) == DCS_OK && answer);
    dcs_buffer_free(json);
}

static void redactors(const dcs_request *request, const dcs_profile *profile) {
    static const char key[32] = "0123456789abcdef0123456789abcde";
    dcs_str material = {key, 32}, record = {NULL, 0}, source = str("production_json");
    dcs_redactor *redactor = NULL;
    FAILS(dcs_redactor_new(profile, request, str("nothing"), material, &redactor, &error), DCS_CONFIG);
    FAILS(dcs_redactor_new(profile, request, source, str("short"), &redactor, &error), DCS_CONFIG);
    FAILS(dcs_redactor_new(profile, request, source, material, NULL, &error), DCS_NULL_POINTER);
    EXPECT(redactor == NULL);
    EXPECT(dcs_redactor_new(profile, NULL, source, material, &redactor, NULL) == DCS_OK);
    FAILS(dcs_redactor_line(redactor, str("no JSON"), &record, &error), DCS_WITHHELD);
    FAILS(dcs_redactor_line(redactor, str("{\"time\":\"x\"}"), &record, &error), DCS_WITHHELD);
    FAILS(dcs_redactor_line(redactor, str("{}"), NULL, &error), DCS_NULL_POINTER);
    FAILS(dcs_redactor_line(NULL, str("{}"), &record, &error), DCS_NULL_POINTER);
    EXPECT(record.data == NULL);
    const char *line = "{\"time\":\"2026-11-03T10:00:00Z\",\"username\":\"somebody\",\"status\":200}";
    EXPECT(dcs_redactor_line(redactor, str(line), &record, NULL) == DCS_OK);
    char *copy = calloc(1, record.len + 1);
    memcpy(copy, record.data, record.len);
    EXPECT(strstr(copy, "somebody") == NULL && strstr(copy, "user-") != NULL);
    free(copy);
    dcs_redactor_free(redactor);
    dcs_redactor_free(NULL);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        return 1;
    }
    EXPECT(dcs_abi_version() == DCS_ABI_VERSION && dcs_version().len > 0);
    dcs_profile *profile = NULL;
    dcs_request *request = NULL;
    profiles();
    EXPECT(dcs_profile_builtin(str("gitlab"), &profile, NULL) == DCS_OK);
    requests(profile);
    EXPECT(dcs_request_load(str(argv[1]), profile, &request, NULL) == DCS_OK);
    dives(request, profile, argv[2], argv[3]);
    checks(request, profile, argv[3]);
    redactors(request, profile);
    dcs_request_free(request);
    dcs_profile_free(profile);
    if (faults == 0) {
        puts("all as the header says");
    }
    return faults != 0;
}
