/* Forgets to free what it was given: AddressSanitizer must say so. */
#include <decostop.h>

int main(void) {
    dcs_str name = {"gitlab", 6};
    dcs_profile *profile = NULL;
    dcs_error *error = NULL;
    if (dcs_profile_builtin(name, &profile, &error) != DCS_OK) {
        return 0;
    }
    dcs_dive *dive = NULL;
    dcs_request *request = NULL;
    dcs_str text = {"nonsense", 8};
    /* This error is never freed. */
    dcs_request_parse(text, profile, &request, &error);
    error = NULL;
    dcs_dive_free(dive);
    dcs_profile_free(profile);
    return 0;
}
