'use strict';
// The npm package mqtt in the hands of a test: one JSON command a line comes in, one JSON line for each thing that happens goes out.
const fs = require('node:fs');
const readline = require('node:readline');
const mqtt = require('mqtt');

let client;
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');
const read = file => (file ? fs.readFileSync(file) : undefined);

const commands = {
  connect({ url, ca, cert, key, ...options }) {
    client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 20_000, ca: read(ca), cert: read(cert), key: read(key), ...options });
    client.on('connect', ack => tell('connected', { sessionPresent: ack.sessionPresent }));
    client.on('message', (topic, payload, packet) => tell('message', { topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain }));
    client.on('error', error => tell('error', { code: error.code, message: error.message }));
    client.on('close', () => tell('closed'));
  },
  publish({ topic, payload, ...options }) {
    client.publish(topic, payload, options, error => tell(error ? 'refused' : 'published', { code: error?.code, message: error?.message }));
  },
  subscribe({ topic, qos }) {
    client.subscribe(topic, { qos }, (error, granted) => tell(error ? 'refused' : 'subscribed', { granted: granted?.[0]?.qos, message: error?.message }));
  },
  // The network breaks: no goodbye.
  drop() {
    client.stream.destroy();
  },
  end() {
    client.end(false, {}, () => tell('ended'));
  },
};

readline.createInterface({ input: process.stdin })
  .on('line', line => {
    const { command, ...options } = JSON.parse(line);
    commands[command](options);
  })
  .on('close', () => process.exit(0));
