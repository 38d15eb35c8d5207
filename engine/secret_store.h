// SPDX-License-Identifier: Apache-2.0
// What is sealed, opened where it is used: the values of secrets, and what endpoints sign with.
//
// Values are kept sealed and opened for each use, so that the only secret that lies about for long
// is the master key. Threads: one at a time; the registry's mutex guards it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "dispatch/signer.h"
#include "engine/catalog.h"
#include "engine/master_key.h"
#include "engine/secrets.h"
#include "headrace/signing.h"

namespace headrace::engine {

class SecretStore {
 public:
  static constexpr std::size_t kValueBytesMax = 64 * 1024;

  // `others`: asked for secrets that are not in the catalog.
  SecretStore(const Catalog& catalog, SecretSource others);
  SecretStore(const SecretStore&) = delete;

  // Gets the master key, and checks that it opens all that is in the catalog. kUnauthorized: it is
  // another one than was sealed with. kCorrupted: a sealed value does not open. Else as the source
  // says. Requires: once, before anything else.
  Result<void> open(const MasterKeySource& master_key);
  MasterKey& master_key() noexcept { return *master_; }

  // Of a secret in the store, then of the others.
  const SecretSource& source() const noexcept { return source_; }
  SecretDefinition sealed(SecretDefinition secret, std::string_view value) const;
  Result<core::SecretBytes> opened(const SecretDefinition& secret) const;
  // Null where deliveries are not signed, or nothing is there to sign with.
  Result<std::shared_ptr<const dispatch::Signer>> signer_of(
      const EndpointDefinition& endpoint) const;

  // --- Changes of how an endpoint signs. Nothing is written.
  // As the patch says; makes a secret where there is none that fits. Errors name members of the
  // object at `pointer`. A secret that no longer fits the scheme signs on for the usual grace where
  // that is possible.
  Result<void> apply(const SigningPatch& patch, core::WallMs now, const std::string& pointer,
                     EndpointDefinition& endpoint) const;
  // kNotFound: deliveries are not signed.
  Result<void> rotate(const SigningRotation& rotation, core::WallMs now,
                      EndpointDefinition& endpoint) const;
  Result<SigningSecret> shown_secret(const EndpointDefinition& endpoint, core::WallMs now) const;

  // All edits that put what another key than the current one sealed under the current one; up to
  // `count_max` of them. Empty: all is.
  Result<Change> resealed(std::size_t count_max) const;

 private:
  Result<core::SecretBytes> open_signing(const EndpointDefinition& endpoint,
                                         const std::string& sealed) const;
  std::string seal_signing(const EndpointDefinition& endpoint, std::string_view secret) const;
  Result<void> check_opens() const;
  template <class Visit>
  void each_sealed(const Visit& visit) const;

  const Catalog& catalog_;
  const SecretSource others_;
  SecretSource source_;
  std::optional<MasterKey> master_;
};

// What is shown of it.
Signing describe_signing(const EndpointDefinition& endpoint, core::WallMs now);
// Whether a text names the secret.
bool names_secret(std::string_view text, std::string_view name) noexcept;
bool uses_secret(const EndpointDefinition& endpoint, std::string_view name);
bool uses_secret(const CallDefinition& call, std::string_view name);
bool uses_secret(const WebhookDefinition& webhook, std::string_view name);
bool uses_secret(const LinkDefinition& link, std::string_view name);

}  // namespace headrace::engine
