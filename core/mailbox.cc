// SPDX-License-Identifier: Apache-2.0
#include "core/mailbox.h"

namespace headrace::core {

void MailboxSignal::open(Loop& loop, OnMail on_mail, void* consumer, bool waits) {
  HEADRACE_CHECK(!open_);
  HEADRACE_CHECK(uv_async_init(loop.uv(), &async_, &MailboxSignal::on_async) == 0);
  async_.data = this;
  on_mail_ = on_mail;
  consumer_ = consumer;
  open_ = true;
  waits_ = waits;
  // What came before, or was announced to a consumer that closed, is announced to this one.
  notified_.store(false, std::memory_order_relaxed);
  if (size() != 0) notify();
}

void MailboxSignal::close() noexcept {
  if (!open_) return;
  open_ = false;
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr);
}

void MailboxSignal::on_async(uv_async_t* handle) noexcept {
  auto& signal = *static_cast<MailboxSignal*>(handle->data);
  if (!signal.waits_) signal.listen();  // whether or not the consumer drains at once
  signal.on_mail_(signal.consumer_);
}

}  // namespace headrace::core
