// The search runs in a worker. A browser refuses workers to a page that was opened from a disk, so there the worker's
// script runs in a hidden frame instead, with the same messages. As with a worker, messages are copies and arrive later.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(url) {
      this.onmessage = null;
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.documentElement.append(this.frame);
      const scope = this.frame.contentWindow;
      scope.postMessage = (data) => {
        const copy = structuredClone(data);
        setTimeout(() => this.onmessage?.(new MessageEvent("message", { data: copy })));
      };
      this.ready = new Promise((done) => {
        const script = scope.document.createElement("script");
        script.src = new URL(url, location.href);
        script.onload = () => done(scope);
        scope.document.body.append(script);
      });
    }
    postMessage(data) {
      // Copied by the frame, so that the script's own Array and Map recognise what is sent.
      this.ready.then((scope) =>
        scope.dispatchEvent(new scope.MessageEvent("message", { data: scope.structuredClone(data) }))
      );
    }
    terminate() {
      this.frame.remove();
    }
  };
}
