#pragma once
#define CURL_STRICTER 1 /* CURL * is then OpaquePointer, not void * */
#include <curl/curl.h>

/* curl_easy_setopt is variadic; the parentheses bypass curl's type-checking macro. */
static inline CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode ccurl_set_text(CURL *handle, CURLoption option, const char *value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode ccurl_set_writer(CURL *handle, size_t (*writer)(char *, size_t, size_t, void *)) {
    return (curl_easy_setopt)(handle, CURLOPT_WRITEFUNCTION, writer);
}
static inline CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value) {
    return (curl_easy_getinfo)(handle, info, value);
}
/* Called between the end of the handshakes and the sending of the request. */
static inline CURLcode ccurl_set_gate(CURL *handle, int (*gate)(void *, char *, char *, int, int)) {
    return (curl_easy_setopt)(handle, CURLOPT_PREREQFUNCTION, gate);
}
