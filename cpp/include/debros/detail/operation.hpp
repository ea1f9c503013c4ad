// An operation: built by a facet, started by one of its four forms.
#pragma once
#include "error.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#if defined(__cpp_impl_coroutine)
#include <coroutine>
#endif

namespace debros
{

// Lets a caller give up on an operation. May outlive the operation and its node.
class Canceler
{
  public:
    struct Target {
        virtual ~Target() = default;
        virtual void cancel() = 0;
    };
    Canceler() = default;
    explicit Canceler(std::shared_ptr<Target> target) : target_(std::move(target))
    {
    }
    // Asks; the completion still runs exactly once. A write may have happened.
    void cancel()
    {
        if (target_) {
            target_->cancel();
        }
    }

  private:
    std::shared_ptr<Target> target_;
};

namespace detail
{

inline debros_req &base_of(debros_req &req)
{
    return req;
}
template <typename Req> debros_req &base_of(Req &req)
{
    return req.base;
}
inline std::size_t failed_of(const debros_sql &req)
{
    return req.failed;
}
template <typename Req> std::size_t failed_of(const Req &)
{
    return 0;
}

// One heap block for each operation: the C request, what it points at, the completion.
template <typename T>
class Op : public Canceler::Target, public std::enable_shared_from_this<Op<T>>
{
  public:
    using Done = std::function<void(Result<T>)>;
    virtual void start(Done done) = 0;
    virtual Result<T> wait() = 0;
    virtual void set_timeout(debros_msec timeout) = 0;
};

// `Inputs` fills the request and owns what it points at; `Read` copies the answer out.
template <typename T, typename Req, typename Inputs> class CallOp final : public Op<T>
{
  public:
    using Callback = void (*)(Req *, int);
    using Submit = int (*)(debros_node *, Req *, Callback);
    using Read = T (*)(const Req &);
    using Done = typename Op<T>::Done;

    CallOp(debros_node *node, Submit submit, Read read, Inputs inputs)
        : node_(node), submit_(submit), read_(read), inputs_(std::move(inputs))
    {
        inputs_.fill(req_);
    }

    void start(Done done) override
    {
        done_ = std::move(done);
        base_of(req_).data = this;
        self_ = this->shared_from_this();
        auto keep = self_; // the callback may run before submit returns
        if (int err = submit_(node_, &req_, completed)) {
            finish(Error(err, refusal()));
        }
    }

    Result<T> wait() override
    {
        if (int err = submit_(node_, &req_, nullptr)) {
            return Error(err, refusal());
        }
        int status = debros_wait(node_, &base_of(req_));
        Result<T> result = outcome(status);
        debros_release(node_, &base_of(req_));
        return result;
    }

    void set_timeout(debros_msec timeout) override
    {
        base_of(req_).timeout = timeout;
    }

    void cancel() override
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (self_) {
            debros_cancel(node_, &base_of(req_));
        }
    }

  private:
    static void completed(Req *req, int status)
    {
        auto *op = static_cast<CallOp *>(base_of(*req).data);
        op->finish(op->outcome(status));
    }

    Result<T> outcome(int status)
    {
        if (status == 0) {
            return read_(req_);
        }
        const char *detail = base_of(req_).detail;
        return Error(status, detail ? detail : "", failed_of(req_));
    }

    std::string refusal()
    {
        const char *detail = base_of(req_).detail;
        return detail ? detail : "";
    }

    // Runs `done` once; an exception that leaves it ends the program, as from a thread.
    void finish(Result<T> result) noexcept
    {
        std::shared_ptr<Op<T>> self;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            self = std::move(self_);
        }
        Done done = std::move(done_);
        done(std::move(result));
    }

    debros_node *node_;
    Submit submit_;
    Read read_;
    Inputs inputs_;
    Req req_{};
    Done done_;
    std::mutex mutex_; // self_: not empty while the request is in flight
    std::shared_ptr<Op<T>> self_;
};

} // namespace detail

// Nothing happens until one of then(), future(), wait(), get() or co_await is called,
// once. It must not outlive its node before that. The callback of then() and the code
// after co_await run on the thread that runs the node's callbacks (see Config).
template <typename T> class [[nodiscard]] Operation
{
  public:
    explicit Operation(std::shared_ptr<detail::Op<T>> op) : op_(std::move(op))
    {
    }

    Operation &&timeout(std::chrono::milliseconds ms) &&
    {
        op_->set_timeout(static_cast<debros_msec>(ms.count()));
        return std::move(*this);
    }

    // The primitive of the other forms: `done` runs exactly once, also when the request
    // was refused at once (then on this thread, before then() returns).
    Canceler then(std::function<void(Result<T>)> done) &&
    {
        Canceler canceler(op_);
        op_->start(std::move(done));
        return canceler;
    }

    std::future<T> future() &&
    {
        auto promise = std::make_shared<std::promise<T>>();
        std::move(*this).then([promise](Result<T> result) {
            if (result) {
                promise->set_value(std::move(result).value());
            } else {
                promise->set_exception(std::make_exception_ptr(result.error()));
            }
        });
        return promise->get_future();
    }

    // Blocks, dispatching other completions meanwhile. Never from a callback.
    Result<T> wait() &&
    {
        return op_->wait();
    }
    // Like wait(); throws Error.
    T get() &&
    {
        return op_->wait().value();
    }

#if defined(__cpp_impl_coroutine)
    auto operator co_await() &&
    {
        struct Awaiter {
            std::shared_ptr<detail::Op<T>> op;
            std::optional<Result<T>> result{};
            bool await_ready() const noexcept
            {
                return false;
            }
            void await_suspend(std::coroutine_handle<> handle)
            {
                auto keep = op; // the coroutine may end, and this with it
                keep->start([this, handle](Result<T> r) {
                    result.emplace(std::move(r));
                    handle.resume();
                });
            }
            T await_resume()
            {
                return std::move(*result).value();
            }
        };
        return Awaiter{std::move(op_)};
    }
#endif

  private:
    std::shared_ptr<detail::Op<T>> op_;
};

} // namespace debros
