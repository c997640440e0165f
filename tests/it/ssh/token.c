/*
 * A FIDO token made of software, by OpenSSH's interface for such libraries (SecurityKeyProvider): the key's handle is the
 * private key itself, and it is touched by making the file TOUCHED. For the tests alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define VERSION 0x000a0000
#define ED25519 1
#define LENGTH 32
#define PRESENT 1
/* How long it waits for a touch, in hundredths of a second. */
#define PATIENCE 1000
#define FAILED -1
#define UNSUPPORTED -2

struct sk_option;

struct sk_enroll_response {
    uint8_t flags;
    uint8_t *public_key;
    size_t public_key_len;
    uint8_t *key_handle;
    size_t key_handle_len;
    uint8_t *signature;
    size_t signature_len;
    uint8_t *attestation_cert;
    size_t attestation_cert_len;
    uint8_t *authdata;
    size_t authdata_len;
};

struct sk_sign_response {
    uint8_t flags;
    uint32_t counter;
    uint8_t *sig_r;
    size_t sig_r_len;
    uint8_t *sig_s;
    size_t sig_s_len;
};

uint32_t sk_api_version(void) {
    return VERSION;
}

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
              const char *pin, struct sk_option **options, struct sk_enroll_response **answer) {
    EVP_PKEY *key = alg == ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : NULL;
    struct sk_enroll_response *it = calloc(1, sizeof *it);
    if (key == NULL || it == NULL)
        return UNSUPPORTED;
    it->flags = flags;
    it->public_key = calloc(1, it->public_key_len = LENGTH);
    it->key_handle = calloc(1, it->key_handle_len = LENGTH);
    if (!EVP_PKEY_get_raw_public_key(key, it->public_key, &it->public_key_len) ||
        !EVP_PKEY_get_raw_private_key(key, it->key_handle, &it->key_handle_len))
        return FAILED;
    *answer = it;
    return 0;
}

/* What is signed: the hash of the application, the flags, a count of signatures, the hash of the message. */
int sk_sign(uint32_t alg, const uint8_t *message, size_t message_len, const char *application, const uint8_t *handle,
            size_t handle_len, uint8_t flags, const char *pin, struct sk_option **options,
            struct sk_sign_response **answer) {
    uint8_t text[2 * SHA256_DIGEST_LENGTH + 5] = {0};
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, handle, handle_len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct sk_sign_response *it = calloc(1, sizeof *it);
    if (alg != ED25519 || key == NULL || context == NULL || it == NULL)
        return UNSUPPORTED;
    for (int waited = 0; access(TOUCHED, F_OK) != 0; waited++) {
        if (waited == PATIENCE)
            return FAILED;
        usleep(10000);
    }
    it->flags = PRESENT;
    it->counter = 1;
    it->sig_r = calloc(1, it->sig_r_len = 2 * LENGTH);
    SHA256((const uint8_t *)application, strlen(application), text);
    text[SHA256_DIGEST_LENGTH] = PRESENT;
    text[SHA256_DIGEST_LENGTH + 4] = 1;
    SHA256(message, message_len, text + SHA256_DIGEST_LENGTH + 5);
    if (!EVP_DigestSignInit(context, NULL, NULL, NULL, key) ||
        !EVP_DigestSign(context, it->sig_r, &it->sig_r_len, text, sizeof text))
        return FAILED;
    *answer = it;
    return 0;
}

int sk_load_resident_keys(const char *pin, struct sk_option **options, void ***keys, size_t *count) {
    return UNSUPPORTED;
}
