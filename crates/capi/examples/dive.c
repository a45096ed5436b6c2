/* A dive for a request, from C: dive REQUEST PATH OUT
 *
 *     gcc dive.c -o dive $(pkg-config --cflags --libs decostop)
 */
#include <decostop.h>
#include <stdio.h>
#include <string.h>

static dcs_str str(const char *text) {
    dcs_str made = {text, strlen(text)};
    return made;
}

static int failed(dcs_error *error) {
    dcs_str message = dcs_error_message(error), hint = dcs_error_hint(error);
    fprintf(stderr, "error: %.*s\n", (int)message.len, message.data);
    if (hint.len > 0) {
        fprintf(stderr, "hint: %.*s\n", (int)hint.len, hint.data);
    }
    /* The exit codes of the command-line program. */
    int exit = 1;
    switch (dcs_error_status(error)) {
    case DCS_REFUSED:
        exit = 3;
        break;
    case DCS_LEAK:
        exit = 4;
        break;
    case DCS_INTERRUPTED:
        exit = 130;
        break;
    default:
        break;
    }
    dcs_error_free(error);
    return exit;
}

static uint32_t tell(void *userdata, const dcs_progress *progress) {
    (void)userdata;
    fprintf(stderr, "%llu of %llu bytes read, %llu lines matched\n",
            (unsigned long long)progress->bytes_done, (unsigned long long)progress->bytes_total,
            (unsigned long long)progress->matched);
    return DCS_CONTINUE;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: dive REQUEST PATH OUT\n");
        return 1;
    }
    if (dcs_abi_version() != DCS_ABI_VERSION) {
        fprintf(stderr, "error: the library is of another version than the header\n");
        return 1;
    }
    dcs_error *error = NULL;
    dcs_profile *profile = NULL;
    dcs_request *request = NULL;
    dcs_dive *dive = NULL;
    dcs_report *report = NULL;
    int exit = 0;
    if (dcs_profile_builtin(str("gitlab"), &profile, &error) != DCS_OK ||
        dcs_request_load(str(argv[1]), profile, &request, &error) != DCS_OK ||
        dcs_dive_new(request, profile, &dive, &error) != DCS_OK ||
        dcs_dive_add_input(dive, str(argv[2]), &error) != DCS_OK ||
        dcs_dive_set_progress(dive, tell, NULL, &error) != DCS_OK ||
        dcs_dive_run_into(dive, str(argv[3]), str("ndjson"), &report, &error) != DCS_OK) {
        exit = failed(error);
    } else {
        printf("%llu records disclosed\n", (unsigned long long)dcs_report_disclosed(report));
        if (dcs_report_missing(report) > 0) {
            fprintf(stderr, "incomplete: something was withheld, see %s/internal\n", argv[3]);
            exit = 2;
        }
    }
    dcs_report_free(report);
    dcs_dive_free(dive);
    dcs_request_free(request);
    dcs_profile_free(profile);
    return exit;
}
