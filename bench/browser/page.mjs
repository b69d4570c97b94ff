// Passes what is asked on to the worker, and its answer back.

const worker = new Worker('/worker.mjs', { type: 'module' });

const ask = (message) =>
  new Promise((answered, failed) => {
    worker.onmessage = ({ data }) => (data.error === undefined ? answered(data.result) : failed(new Error(data.error)));
    worker.onerror = (event) => failed(new Error(event.message));
    worker.postMessage(message);
  });

window.prepare = (call) => ask({ prepare: call });
window.load = () => ask({});
window.run = (way) => ask({ run: way });
