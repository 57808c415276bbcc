// OpenSSL's own allocations.
#pragma once

namespace watchword::crypto {

// What OpenSSL frees is overwritten from now on. Before its first use in the process; later it has no effect.
void cleanse_openssl_memory();

}  // namespace watchword::crypto
