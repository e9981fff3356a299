// Who ends what: the thread posts its outcome through a thread-safe function and ends; that
// function's finalizer, back on JavaScript's thread, joins it. When the environment is torn down
// first, the cleanup hook tells the job to stop and joins it there.
#include "job_thread.h"

#include <exception>
#include <string>
#include <system_error>
#include <thread>

#include "to_js.h"

namespace fastsync {

namespace {

class JobThread;
void deliver(Napi::Env env, Napi::Function, JobThread* job, void*);
using Postbox = Napi::TypedThreadSafeFunction<JobThread, void, deliver>;

class JobThread {
 public:
  JobThread(Napi::Env env, JobBody body, std::shared_ptr<JobControl> control)
      : env_(env),
        body_(std::move(body)),
        control_(std::move(control)),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void start() {
    postbox_ = Postbox::New(env_, "fastsync job", 0, 1, this,
                            [](Napi::Env, void*, JobThread* job) { delete job; });
    // Registered after the function above, hence run before its own hook.
    napi_add_env_cleanup_hook(env_, &JobThread::onTeardown, this);
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error& error) {  // no more threads are allowed
      error_ = error.what();
      finish();
    }
  }

  void deliver(Napi::Env env) const {
    try {
      const Napi::HandleScope scope(env);
      if (error_.empty()) {
        deferred_.Resolve(outcomeToJs(env, outcome_, *control_));
      } else {
        deferred_.Reject(Napi::Error::New(env, error_).Value());
      }
    } catch (const Napi::Error&) {
      // The worker thread that waits is being terminated: JavaScript can be called no more, and
      // there is nobody left to be told. Thrown out of here, it would end the whole process.
    }
  }

  ~JobThread() {
    napi_remove_env_cleanup_hook(env_, &JobThread::onTeardown, this);
    if (thread_.joinable()) thread_.join();
  }

  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;

 private:
  static void onTeardown(void* pointer) {
    auto* job = static_cast<JobThread*>(pointer);
    job->control_->stop = Stop::kAbandon;
    if (job->thread_.joinable()) job->thread_.join();
  }

  void work() {
    try {
      outcome_ = body_(*control_);
    } catch (const SetupError& error) {
      outcome_.failure = error.failure();
    } catch (const std::exception& error) {
      error_ = error.what();
    }
    finish();
  }

  void finish() {
    body_ = nullptr;  // closes the files before anybody hears that the job is done
    if (postbox_.BlockingCall() != napi_closing) postbox_.Release();
  }

  Napi::Env env_;
  JobBody body_;
  std::shared_ptr<JobControl> control_;
  Napi::Promise::Deferred deferred_;
  Postbox postbox_;
  std::thread thread_;
  JobOutcome outcome_;
  std::string error_;
};

void deliver(Napi::Env env, Napi::Function, JobThread* job, void*) {
  if (static_cast<napi_env>(env) == nullptr) return;  // the environment is going away
  job->deliver(env);
}

}  // namespace

Napi::Promise startJob(Napi::Env env, JobBody body, std::shared_ptr<JobControl> control) {
  // Owned by its thread-safe function, whose finalizer deletes it.
  auto job = std::make_unique<JobThread>(env, std::move(body), std::move(control));
  const Napi::Promise promise = job->promise();
  job.release()->start();
  return promise;
}

}  // namespace fastsync
