// SPDX-License-Identifier: Apache-2.0
#include "dispatch/tcp_transport.h"

#include "core/check.h"

namespace headrace::dispatch {

class TcpStream final : public Stream {
 public:
  TcpStream(TcpTransport& transport, StreamOwner& owner) noexcept
      : transport_(transport), owner_(owner) {
    tcp_.data = connect_request_.data = write_request_.data = this;
  }
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  ~TcpStream() override { HEADRACE_CHECK(!open_); }

  bool connect(const sockaddr& address) noexcept override {
    HEADRACE_DCHECK(!open_);
    HEADRACE_CHECK(uv_tcp_init(transport_.loop_.uv(), &tcp_) == 0);
    open_ = true;
    closing_ = false;
    uv_tcp_nodelay(&tcp_, 1);
    return uv_tcp_connect(&connect_request_, &tcp_, &address, &TcpStream::on_connect) == 0;
  }

  std::optional<std::size_t> try_write(const uv_buf_t* list, unsigned count) noexcept override {
    const int result = uv_try_write(stream(), list, count);
    if (result == UV_EAGAIN) return 0;
    if (result < 0) return std::nullopt;
    return static_cast<std::size_t>(result);
  }

  bool write(const uv_buf_t* list, unsigned count) noexcept override {
    return uv_write(&write_request_, stream(), list, count, &TcpStream::on_written) == 0;
  }

  void close() noexcept override {
    HEADRACE_DCHECK(open_ && !closing_);
    closing_ = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), &TcpStream::on_closed);
  }

 private:
  static TcpStream& of(void* data) noexcept { return *static_cast<TcpStream*>(data); }

  static void on_connect(uv_connect_t* request, int status) noexcept {
    TcpStream& self = of(request->data);
    if (self.closing_) return;
    const bool connected = status == 0 && uv_read_start(self.stream(), &TcpStream::on_allocate,
                                                        &TcpStream::on_read) == 0;
    self.owner_.on_connected(connected);
  }

  static void on_allocate(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept {
    *buffer = uv_buf_init(of(handle->data).transport_.read_buffer_.get(), TcpTransport::kReadBytes);
  }

  static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept {
    if (size == 0) return;
    StreamOwner& owner = of(stream->data).owner_;
    if (size < 0) return owner.on_end(size == UV_EOF);
    owner.on_bytes({buffer->base, static_cast<std::size_t>(size)});
  }

  static void on_written(uv_write_t* request, int status) noexcept {
    TcpStream& self = of(request->data);
    if (!self.closing_) self.owner_.on_written(status == 0);
  }

  static void on_closed(uv_handle_t* handle) noexcept {
    TcpStream& self = of(handle->data);
    self.open_ = false;
    self.owner_.on_stream_closed();
  }

  uv_stream_t* stream() noexcept { return reinterpret_cast<uv_stream_t*>(&tcp_); }

  TcpTransport& transport_;
  StreamOwner& owner_;
  bool open_ = false;
  bool closing_ = false;
  uv_tcp_t tcp_{};
  uv_connect_t connect_request_{};
  uv_write_t write_request_{};
};

std::unique_ptr<Stream> TcpTransport::make_stream(StreamOwner& owner) {
  return std::make_unique<TcpStream>(*this, owner);
}

}  // namespace headrace::dispatch
