// SPDX-License-Identifier: Apache-2.0
#include "engine/secret_store.h"

#include <algorithm>
#include <utility>

#include "engine/endpoint_tls.h"
#include "engine/faults.h"
#include "engine/request_parts.h"

namespace headrace::engine {
namespace {

using core::SecretBytes;
using dispatch::SignatureShape;

// What a sealed value is bound to. Frozen on disk.
std::string place_of(const SecretDefinition& secret) {
  return "secret/" + secret.workspace + "/" + secret.name;
}
std::string place_of(const EndpointDefinition& endpoint) {
  return "signing/" + endpoint.workspace + "/" + endpoint.id.to_string();
}

SignatureShape shape_of(SigningScheme scheme) noexcept {
  switch (scheme) {
    case SigningScheme::kGithub:
      return SignatureShape::kGithub;
    case SigningScheme::kStripe:
      return SignatureShape::kStripe;
    default:
      return SignatureShape::kStandard;
  }
}

bool has_own_header(SigningScheme scheme) noexcept {
  return scheme == SigningScheme::kGithub || scheme == SigningScheme::kStripe;
}

Result<void> check_fits(SigningScheme scheme, std::string_view secret) {
  const bool wants_asymmetric = scheme == SigningScheme::kV1a;
  if (has_own_header(scheme) || dispatch::is_asymmetric(secret) == wants_asymmetric)
    return dispatch::check_signing_secret(shape_of(scheme), secret);
  return Error{ErrorCode::kInvalidArgument,
               wants_asymmetric ? "must be whsk_ and an Ed25519 seed of 32 bytes as base64"
                                : "must be whsec_ and 16 to 64 bytes as base64",
               0};
}

Error unsigned_error() { return not_found("deliveries of the endpoint are not signed"); }

bool in_fields(const Fields& fields, std::string_view name) noexcept {
  return std::any_of(fields.begin(), fields.end(),
                     [name](const auto& field) { return names_secret(field.second, name); });
}

// A value is read with an error that says whose it is.
Error about(std::string whose, Error error) {
  error.what = "the secret of " + whose + " cannot be opened: " + error.what;
  return error;
}

}  // namespace

SecretStore::SecretStore(const Catalog& catalog, SecretSource others)
    : catalog_(catalog),
      others_(std::move(others)),
      source_(
          [this](std::string_view workspace, std::string_view name) -> std::optional<std::string> {
            const auto* secret = catalog_.of<SecretDefinition>().find(join_key({workspace, name}));
            if (secret == nullptr) return others_ ? others_(workspace, name) : std::nullopt;
            const auto value = master_->keys().open(secret->sealed, place_of(*secret));
            if (!value) return std::nullopt;
            return std::string(value->view());
          }) {}

// Every sealed text, whose it is and the place that it is bound to.
template <class Visit>
void SecretStore::each_sealed(const Visit& visit) const {
  catalog_.of<SecretDefinition>().each([&](const SecretDefinition& secret) {
    visit(secret.sealed, place_of(secret), secret.workspace + "/" + secret.name);
  });
  catalog_.of<EndpointDefinition>().each([&](const EndpointDefinition& endpoint) {
    for (const std::string* sealed : {&endpoint.signing_secret, &endpoint.signing_previous}) {
      if (!sealed->empty())
        visit(*sealed, place_of(endpoint), "endpoint " + endpoint.id.to_string());
    }
  });
}

Result<void> SecretStore::open(const MasterKeySource& master_key) {
  bool something_is_sealed = false;
  each_sealed([&](const auto&...) { something_is_sealed = true; });
  auto key = master_key ? master_key(something_is_sealed) : MasterKey::ephemeral();
  if (!key) return std::move(key).error();
  master_.emplace(std::move(*key));
  return check_opens();
}

Result<void> SecretStore::check_opens() const {
  std::size_t strange = 0;
  std::size_t all = 0;
  Result<void> sound;
  each_sealed([&](const std::string& sealed, const std::string& place, const std::string& whose) {
    ++all;
    auto value = master_->keys().open(sealed, place);
    if (value) return;
    strange += value.error().code == ErrorCode::kUnauthorized ? 1 : 0;
    if (sound) sound = about(whose, std::move(value).error());
  });
  if (strange == 0) {
    if (!sound) return Error{ErrorCode::kCorrupted, sound.error().what, 0};
    return sound;
  }
  return Error{ErrorCode::kUnauthorized,
               "the master key " + master_->keys().current().id_text() + " does not open " +
                   std::to_string(strange) + " of " + std::to_string(all) +
                   " sealed values; nothing was changed. The first of them: " + sound.error().what,
               0};
}

SecretDefinition SecretStore::sealed(SecretDefinition secret, std::string_view value) const {
  secret.sealed = master_->keys().seal(value, place_of(secret));
  return secret;
}

Result<SecretBytes> SecretStore::opened(const SecretDefinition& secret) const {
  return master_->keys().open(secret.sealed, place_of(secret));
}

Result<SecretBytes> SecretStore::open_signing(const EndpointDefinition& endpoint,
                                              const std::string& sealed) const {
  if (sealed.empty()) return SecretBytes();
  auto opened = master_->keys().open(sealed, place_of(endpoint));
  if (!opened) return about("endpoint " + endpoint.id.to_string(), std::move(opened).error());
  return opened;
}

std::string SecretStore::seal_signing(const EndpointDefinition& endpoint,
                                      std::string_view secret) const {
  return master_->keys().seal(secret, place_of(endpoint));
}

Result<std::shared_ptr<const dispatch::Signer>> SecretStore::signer_of(
    const EndpointDefinition& endpoint) const {
  if (endpoint.signing_scheme == SigningScheme::kNone || endpoint.signing_secret.empty())
    return std::shared_ptr<const dispatch::Signer>();
  auto secret = open_signing(endpoint, endpoint.signing_secret);
  if (!secret) return std::move(secret).error();
  auto previous = open_signing(endpoint, endpoint.signing_previous);
  if (!previous) return std::move(previous).error();
  return dispatch::Signer::make({.shape = shape_of(endpoint.signing_scheme),
                                 .header = endpoint.signing_header,
                                 .secret = std::move(*secret),
                                 .previous = std::move(*previous),
                                 .previous_until = endpoint.signing_previous_until});
}

Result<void> SecretStore::apply(const SigningPatch& patch, core::WallMs now,
                                const std::string& pointer, EndpointDefinition& endpoint) const {
  if (patch.scheme && *patch.scheme != endpoint.signing_scheme) {
    endpoint.signing_scheme = *patch.scheme;
    endpoint.signing_header.clear();
  }
  const SigningScheme scheme = endpoint.signing_scheme;
  if (patch.header) {
    if (!patch.header->empty() && !has_own_header(scheme))
      return invalid(pointer + "/header", "goes with the schemes github and stripe only");
    endpoint.signing_header = *patch.header;
  }
  if (scheme == SigningScheme::kNone) {
    if (patch.secret) return invalid(pointer + "/secret", "goes with a scheme that signs");
    return {};
  }
  auto current = open_signing(endpoint, endpoint.signing_secret);
  if (!current) return std::move(current).error();
  if (patch.secret) {
    if (auto fits = check_fits(scheme, *patch.secret); !fits)
      return invalid(pointer + "/secret", fits.error().what);
    if (current->view() == *patch.secret) return {};
    endpoint.signing_secret = seal_signing(endpoint, *patch.secret);
    endpoint.signing_previous.clear();
    endpoint.signing_previous_until = 0;
  } else if (!check_fits(scheme, current->view())) {
    SigningRotation rotation;
    if (!dispatch::check_signing_secret(shape_of(scheme), current->view())) rotation.grace = {};
    if (auto rotated = rotate(rotation, now, endpoint); !rotated) return rotated;
  } else if (auto previous = open_signing(endpoint, endpoint.signing_previous);
             previous && !previous->empty() &&
             !dispatch::check_signing_secret(shape_of(scheme), previous->view())) {
    endpoint.signing_previous.clear();
    endpoint.signing_previous_until = 0;
  }
  auto signer = signer_of(endpoint);
  if (!signer) return invalid(pointer + "/header", signer.error().what);
  return {};
}

Result<void> SecretStore::rotate(const SigningRotation& rotation, core::WallMs now,
                                 EndpointDefinition& endpoint) const {
  const SigningScheme scheme = endpoint.signing_scheme;
  if (scheme == SigningScheme::kNone) return unsigned_error();
  const SecretBytes secret = rotation.secret
                                 ? SecretBytes(*rotation.secret)
                                 : dispatch::new_signing_secret(scheme == SigningScheme::kV1a);
  if (auto fits = check_fits(scheme, secret.view()); !fits)
    return invalid("/secret", fits.error().what);
  endpoint.signing_previous.clear();
  endpoint.signing_previous_until = 0;
  if (rotation.grace.count() > 0 && !endpoint.signing_secret.empty()) {
    endpoint.signing_previous = std::move(endpoint.signing_secret);
    endpoint.signing_previous_until = now + static_cast<core::WallMs>(rotation.grace.count());
  }
  endpoint.signing_secret = seal_signing(endpoint, secret.view());
  return {};
}

Result<SigningSecret> SecretStore::shown_secret(const EndpointDefinition& endpoint,
                                                core::WallMs now) const {
  if (endpoint.signing_scheme == SigningScheme::kNone) return unsigned_error();
  auto secret = open_signing(endpoint, endpoint.signing_secret);
  if (!secret) return std::move(secret).error();
  SigningSecret shown{describe_signing(endpoint, now), {}, endpoint.revision};
  shown.secret = endpoint.signing_scheme == SigningScheme::kV1a
                     ? dispatch::public_half(secret->view())
                     : std::string(secret->view());
  return shown;
}

Result<Change> SecretStore::resealed(std::size_t count_max) const {
  Change change;
  std::size_t count = 0;
  Result<void> sound;
  const auto is_old = [this](const std::string& sealed) {
    return !sealed.empty() && core::sealed_under(sealed) != master_->keys().current().id();
  };
  const auto anew = [&](const std::string& sealed, const std::string& place) -> std::string {
    if (!is_old(sealed)) return sealed;
    auto value = master_->keys().open(sealed, place);
    if (value) return master_->keys().seal(value->view(), place);
    if (sound) sound = std::move(value).error();
    return sealed;
  };
  catalog_.of<SecretDefinition>().each([&](const SecretDefinition& secret) {
    if (count == count_max || !is_old(secret.sealed)) return;
    SecretDefinition copy = secret;
    copy.sealed = anew(secret.sealed, place_of(secret));
    change.put(std::move(copy));
    ++count;
  });
  catalog_.of<EndpointDefinition>().each([&](const EndpointDefinition& endpoint) {
    const bool old = is_old(endpoint.signing_secret) || is_old(endpoint.signing_previous);
    if (count == count_max || !old) return;
    EndpointDefinition copy = endpoint;
    copy.signing_secret = anew(endpoint.signing_secret, place_of(endpoint));
    copy.signing_previous = anew(endpoint.signing_previous, place_of(endpoint));
    change.put(std::move(copy));
    ++count;
  });
  if (!sound) return std::move(sound).error();
  return change;
}

Signing describe_signing(const EndpointDefinition& endpoint, core::WallMs now) {
  Signing signing{
      .scheme = endpoint.signing_scheme, .header = endpoint.signing_header, .previous_until = {}};
  if (signing.scheme == SigningScheme::kNone) return signing;
  if (signing.header.empty()) signing.header = default_header(shape_of(signing.scheme));
  if (endpoint.signing_previous_until > now)
    signing.previous_until = endpoint.signing_previous_until;
  return signing;
}

bool names_secret(std::string_view text, std::string_view name) noexcept {
  constexpr std::string_view kBegin = "$Secret{";
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos;
       at = text.find(kBegin, at + 1)) {
    const std::string_view rest = text.substr(at + kBegin.size());
    if (rest.starts_with(name) && rest.substr(name.size()).starts_with('}')) return true;
  }
  return false;
}

bool uses_secret(const EndpointDefinition& endpoint, std::string_view name) {
  if (names_secret(endpoint.url, name) || names_secret(endpoint.auth, name) ||
      names_secret(endpoint.tls, name))
    return true;
  // JSON that is kept to the letter may spell the name with escapes.
  if (endpoint.tls.find('\\') != std::string::npos) {
    const auto tls = parse_tls(endpoint.tls, "/tls");
    if (tls && names_secret(tls->key, name)) return true;
  }
  if (endpoint.auth.find('\\') == std::string::npos) return false;
  const auto parts = parse_request_parts(endpoint.auth, "/auth");
  return parts && (in_fields(parts->headers, name) || in_fields(parts->query, name) ||
                   in_fields(parts->params, name));
}

bool uses_secret(const CallDefinition& call, std::string_view name) {
  return names_secret(call.url, name) || names_secret(call.body, name) ||
         in_fields(call.headers, name) || in_fields(call.query, name);
}

bool uses_secret(const WebhookDefinition& webhook, std::string_view name) {
  return std::any_of(webhook.envs.begin(), webhook.envs.end(), [name](const WebhookEnvSpec& env) {
    return names_secret(env.verification, name);
  });
}

bool uses_secret(const LinkDefinition& link, std::string_view name) {
  return names_secret(link.verification, name);
}

}  // namespace headrace::engine
