// The official clients of OpenAI and Anthropic, one errand each, against `tokenlift serve`.
//
//   node clients.js MODULES_FOLDER ADDRESS ERRAND
//
// prints what they saw as JSON, for foreign_clients_test.py to judge.
'use strict';

const { createRequire } = require('node:module');

const [folder, address, errand] = process.argv.slice(2);
const installed = createRequire(`${folder}/package.json`);
const OpenAI = installed('openai');
const Anthropic = installed('@anthropic-ai/sdk');

const messages = [{ role: 'user', content: 'x'.repeat(64) }];

// Clients of a tenant, which write down each attempt; `refused` is called on every 429.
function clients(tenant, options = {}, refused = async () => {}) {
  const attempts = [];
  const noting = async (url, init) => {
    const reply = await fetch(url, init);
    attempts.push({
      status: reply.status,
      retry_count: new Headers(init.headers).get('x-stainless-retry-count'),
      retry_after_ms: reply.headers.get('retry-after-ms'),
    });
    if (reply.status === 429) await refused();
    return reply;
  };
  const shared = {
    apiKey: 'sk-of-nobody', fetch: noting, defaultHeaders: { 'x-tenant': tenant }, ...options,
  };
  return {
    attempts,
    openai: new OpenAI({ baseURL: `${address}/v1`, ...shared }),
    anthropic: new Anthropic({ baseURL: address, ...shared }),
  };
}

async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function error_of(promise) {
  try {
    await promise;
  } catch (error) {
    return {
      class: error.constructor.name,
      status: error.status,
      message: error.message,
      code: error.code,
      type: error.type ?? error.error?.error?.type,
      request_id: error.requestID,
    };
  }
  return null;
}

// One request of one dialect, as small as can be.
function asking(of, dialect) {
  return dialect === 'openai'
    ? of.openai.chat.completions.create({ model: 'served', messages, max_completion_tokens: 2 })
    : of.anthropic.messages.create({ model: 'served', messages, max_tokens: 2 });
}

const errands = {
  async openai_replies() {
    const { openai } = clients('users');
    const models = await openai.models.list();
    const whole = await openai.chat.completions.create({ model: 'served', messages });
    const events = await all(await openai.chat.completions.create({
      model: 'served', messages, max_completion_tokens: 5, ignore_eos: true, stream: true,
      stream_options: { include_usage: true },
    }));
    const final = await openai.chat.completions.stream({ model: 'served', messages })
      .finalChatCompletion();
    const text = await openai.completions.create({
      model: 'served', prompt: [1, 2, 3], max_tokens: 2,
    });
    return { models: models.data.map((model) => model.id), whole, events, final, text };
  },

  async anthropic_replies() {
    const { anthropic } = clients('users');
    const body = { model: 'served', messages, max_tokens: 3 };
    const whole = await anthropic.messages.create(body);
    const events = await all(await anthropic.messages.create({ ...body, stream: true }));
    const final = await anthropic.messages.stream(body).finalMessage();
    return { whole, events, final };
  },

  async errors() {
    const { openai, anthropic } = clients('batch', { maxRetries: 0 });
    const body = { model: 'served', messages, max_tokens: 2 };
    await openai.chat.completions.create(body); // all that its throttle has
    return {
      openai: {
        limited: await error_of(openai.chat.completions.create(body)),
        unknown: await error_of(openai.chat.completions.create({ ...body, model: 'gpt' })),
        wrong: await error_of(openai.chat.completions.create({ ...body, messages: 'hello' })),
        long: await error_of(openai.chat.completions.create({ ...body, max_tokens: 5000 })),
      },
      anthropic: {
        limited: await error_of(anthropic.messages.create(body)),
        streamed: await error_of(anthropic.messages.stream(body).finalMessage()),
        unknown: await error_of(anthropic.messages.create({ ...body, model: 'claude' })),
        wrong: await error_of(anthropic.messages.create({ model: 'served', messages })),
      },
    };
  },

  // The switch is thrown while a refused client waits to come back by itself.
  async lift() {
    let lifted = null;
    const lift = async () => {
      if (lifted) return;
      lifted = {};
      const reply = await fetch(`${address}/tokenlift/event`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ lift: 'door' }),
      });
      lifted = { status: reply.status, ...(await reply.json()) };
    };
    const of = clients('batch', { maxRetries: 3 }, lift);
    for (const dialect of ['openai', 'openai', 'anthropic']) await asking(of, dialect);
    return { attempts: of.attempts, lifted };
  },

  // Each client asks until it has been refused, and its own retry has brought it through.
  async retries() {
    const seen = {};
    for (const dialect of ['openai', 'anthropic']) {
      const of = clients('batch', { maxRetries: 5 });
      for (let asked = 0; asked < 50; asked += 1) {
        await asking(of, dialect);
        if (of.attempts.some((attempt) => attempt.status === 429)) break;
      }
      seen[dialect] = of.attempts;
    }
    return seen;
  },

  // A hundred streams at once, some of which nobody reads to the end.
  async many() {
    const { openai, anthropic } = clients('users', { maxRetries: 0 });
    let read = 0;
    let left = 0;
    await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      if (i % 4 === 0) {
        const stream = await openai.chat.completions.create({
          model: 'served', messages, max_tokens: 4000, ignore_eos: true, stream: true,
        });
        for await (const event of stream) if (event) break; // hangs up
        left += 1;
      } else if (i % 2 === 0) {
        const events = await all(await openai.chat.completions.create({
          model: 'served', messages, stream: true,
        }));
        read += events.filter((event) => event.choices[0]?.delta.content).length;
      } else {
        const final = await anthropic.messages
          .stream({ model: 'served', messages, max_tokens: 8, ignore_eos: true }).finalMessage();
        read += final.usage.output_tokens;
      }
    }));
    return { read, left };
  },
};

errands[errand]().then(
  (seen) => console.log(JSON.stringify(seen)),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
