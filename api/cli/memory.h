// Keys and tokens stand in this process' memory. What is freed is overwritten: memory.cc replaces
// operator delete, since a token passes through texts, JSON values and frames of coroutines that
// know nothing of secrets.
#pragma once

namespace watchword::cli {

// For every verb, before it reads anything: no core dumps, no other process of the same user may
// read the memory (PR_SET_DUMPABLE), files are made for their owner only (umask 077). OpenSSL's own
// memory is overwritten too; so call it before the first use of OpenSSL.
void harden();

}  // namespace watchword::cli
