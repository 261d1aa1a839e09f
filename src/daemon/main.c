// clipspoold: start-up order, and the words for what goes wrong in it.
#include <stdio.h>
#include <sysexits.h>

#include "base/log.h"
#include "daemon/carrier.h"
#include "daemon/service.h"

// Configuration errors go to stderr line by line: systemd puts them into the journal, a person sees
// them at once.
static int refuse_configuration(const struct config_report *report)
{
    (void)fprintf(stderr, "%s%s", report->text ? report->text : "",
                  report->text && report->text[strlen(report->text) - 1] == '\n' ? "" : "\n");
    return EX_CONFIG;
}

static int check_configuration(const struct options *options)
{
    cleanup(settings_release) struct settings settings = { .root = NULL };
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    if (settings_load(options->config, &settings, &report) < 0)
        return refuse_configuration(&report);
    (void)puts("configuration OK");
    return EX_OK;
}

static int serve(const struct options *options)
{
    cleanup(service_release) struct service service;
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    struct err err = ERR_INIT;
    if (service_open(&service, options, &report, &err) == 0)
        return service_run(&service);
    if (report.count > 0)
        return refuse_configuration(&report);
    log_error(NULL, "cannot start: %s%s%s", err.text, *err.hint ? "; " : "", err.hint);
    return err_exit(err.class);
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options) < 0)
        return EX_USAGE;
    if (options.help || options.version) {
        (void)fputs(options.help ? options_help : "clipspoold " CLIPSPOOL_VERSION "\n", stdout);
        return EX_OK;
    }
    if (options.check_config)
        return check_configuration(&options);
    if (options.claim || options.recover)
        return carrier_main(&options);
    log_open("clipspoold", options.log_level);
    return serve(&options);
}
