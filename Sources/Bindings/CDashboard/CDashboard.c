// The files themselves, by C23's #embed: no generated source that could be older than they are.
#include "CDashboard.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "../../Peer/Dashboard/page/index.html"
};
static const unsigned char style_css[] = {
#embed "../../Peer/Dashboard/page/style.css"
};
static const unsigned char app_js[] = {
#embed "../../Peer/Dashboard/page/app.js"
};
static const unsigned char feed_js[] = {
#embed "../../Peer/Dashboard/page/feed.js"
};
static const unsigned char format_js[] = {
#embed "../../Peer/Dashboard/page/format.js"
};
static const unsigned char plot_js[] = {
#embed "../../Peer/Dashboard/page/plot.js"
};
static const unsigned char dom_js[] = {
#embed "../../Peer/Dashboard/page/dom.js"
};
static const unsigned char table_js[] = {
#embed "../../Peer/Dashboard/page/table.js"
};
static const unsigned char detail_js[] = {
#embed "../../Peer/Dashboard/page/detail.js"
};
static const unsigned char panels_js[] = {
#embed "../../Peer/Dashboard/page/panels.js"
};
static const unsigned char openapi_json[] = {
#embed "../../../docs/openapi.json"
};

#define SCRIPT "text/javascript; charset=utf-8"
#define FILE(path, type, bytes) {path, type, bytes, sizeof bytes}

static const cdashboard_file_t files[] = {
    FILE("/", "text/html; charset=utf-8", index_html),
    FILE("/dashboard/style.css", "text/css; charset=utf-8", style_css),
    FILE("/dashboard/app.js", SCRIPT, app_js),
    FILE("/dashboard/feed.js", SCRIPT, feed_js),
    FILE("/dashboard/format.js", SCRIPT, format_js),
    FILE("/dashboard/plot.js", SCRIPT, plot_js),
    FILE("/dashboard/dom.js", SCRIPT, dom_js),
    FILE("/dashboard/table.js", SCRIPT, table_js),
    FILE("/dashboard/detail.js", SCRIPT, detail_js),
    FILE("/dashboard/panels.js", SCRIPT, panels_js),
    FILE("/v1/openapi.json", "application/json", openapi_json),
};

size_t cdashboard_count(void) { return sizeof files / sizeof files[0]; }

cdashboard_file_t cdashboard_file(size_t index) { return files[index]; }
