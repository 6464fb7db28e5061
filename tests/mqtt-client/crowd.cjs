'use strict';
// Thousands of vehicles that connect and then do nothing, in one process: sockets and mqtt-packet, which the package mqtt speaks with too.
// Arguments: port, file with one vehicle id a line, their common password, how many connect at the same time.
// Commands, one a line: "ping" asks all of them for a sign of life, "end" closes everything.
const fs = require('node:fs');
const net = require('node:net');
const readline = require('node:readline');
const packet = require('mqtt-packet');

const [port, file, password, atOnce] = process.argv.slice(2);
const vehicles = fs.readFileSync(file, 'utf8').trim().split('\n');
const sockets = new Map();
let next = 0;
let settled = 0;
let refused = 0;
let answered = 0;
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');
const pingRequest = packet.generate({ cmd: 'pingreq' });

function connect() {
  if (next === vehicles.length) {
    return;
  }
  const vehicle = vehicles[next++];
  const socket = net.connect(Number(port), '127.0.0.1');
  const parser = packet.parser({ protocolVersion: 5 });
  let isSettled = false;
  const settle = isIn => {
    if (isSettled) {
      return;
    }
    isSettled = true;
    settled++;
    refused += isIn ? 0 : 1;
    if (settled === vehicles.length) {
      tell('connected', { count: sockets.size, refused });
    }
    connect();
  };
  parser.on('packet', received => {
    if (received.cmd === 'connack') {
      if (received.reasonCode === 0) {
        sockets.set(vehicle, socket);
      }
      settle(received.reasonCode === 0);
    } else if (received.cmd === 'pingresp' && ++answered === sockets.size) {
      tell('answered', { count: answered });
      answered = 0;
    }
  });
  socket.on('data', data => parser.parse(data));
  socket.on('error', () => {});
  socket.on('close', () => {
    sockets.delete(vehicle);
    settle(false);
  });
  socket.write(packet.generate({
    cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: true, clientId: vehicle, keepalive: 600, username: vehicle, password: Buffer.from(password),
  }));
}

for (let i = 0; i < Number(atOnce); i++) {
  connect();
}

readline.createInterface({ input: process.stdin })
  .on('line', line => {
    if (line === 'end') {
      process.exit(0);
    }
    for (const socket of sockets.values()) {
      socket.write(pingRequest);
    }
  })
  .on('close', () => process.exit(0));
