// SPDX-License-Identifier: Apache-2.0
#include "engine/retention_book.h"

#include <map>
#include <utility>

namespace headrace::engine {

namespace {

std::string webhook_key(const LinkDefinition& link) {
  return join_key({link.workspace, link.app, link.webhook});
}

}  // namespace

void RetentionBook::load() {
  catalog_.of<WebhookDefinition>().each([this](const WebhookDefinition& webhook) {
    if (webhook.retention_ms != 0) webhooks_.insert(webhook.key());
  });
  publish();
}

void RetentionBook::follow(const Change& change) {
  bool differs = false;
  for (const Edit<WebhookDefinition>& edit : change.edits<WebhookDefinition>()) {
    const WebhookDefinition* webhook = catalog_.of<WebhookDefinition>().find(edit.key);
    const bool has_own = webhook != nullptr && webhook->retention_ms != 0;
    differs |= has_own || webhooks_.contains(edit.key);
    if (has_own) {
      webhooks_.insert(edit.key);
    } else {
      webhooks_.erase(edit.key);
    }
  }
  for (const Edit<LinkDefinition>& edit : change.edits<LinkDefinition>()) {
    const LinkDefinition* link = catalog_.of<LinkDefinition>().find(edit.key);
    if (link == nullptr && edit.value) link = &*edit.value;
    differs |= link != nullptr && webhooks_.contains(webhook_key(*link));
  }
  if (differs) publish();
}

void RetentionBook::publish() {
  std::map<core::LinkNumber, std::uint64_t> ms_by_link;
  for (const std::string& key : webhooks_) {
    const WebhookDefinition& webhook = *catalog_.of<WebhookDefinition>().find(key);
    catalog_.of<LinkDefinition>().scan(key + '/', {}, [&](const LinkDefinition& link) {
      ms_by_link[link.number] = webhook.retention_ms;
      return true;
    });
  }
  store_.set_retention(std::move(ms_by_link));
}

}  // namespace headrace::engine
