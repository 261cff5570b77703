// The search runs in a worker. A browser refuses workers to a page that was opened from a disk, so there the worker's
// script runs in a hidden frame instead, with the same messages.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.onmessage = null;
      this.queue = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.documentElement.append(this.frame);
      this.scope = this.frame.contentWindow;
      this.scope.deliver = (data) => {
        const event = new MessageEvent("message", { data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      const page = this.scope.document;
      page.open();
      page.write(
        "<script>postMessage = (data) => deliver(data);" +
          "importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((done, failed) => {" +
          "const script = document.createElement('script'); script.src = url; script.onload = done;" +
          "script.onerror = failed; document.body.append(script); })), Promise.resolve());<\/script>" +
          `<body><script src="${new URL(url, location.href)}"><\/script></body>`
      );
      page.close();
      this.frame.addEventListener("load", () => {
        this.ready = true;
        for (const data of this.queue.splice(0)) this.send(data);
      });
    }
    send(data) {
      this.scope.dispatchEvent(new MessageEvent("message", { data }));
    }
    postMessage(data) {
      if (this.ready) this.send(data);
      else this.queue.push(data);
    }
    terminate() {
      this.frame.remove();
    }
  };
}
