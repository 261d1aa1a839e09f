// An S3 service on loopback that checks signatures; bucket "reels", key and secret "S3RVER".
//
// usage: node start.js FOLDER      FOLDER, which must be there, holds what is put
//
// It prints "port N", and ends when its input does.
'use strict';

const S3rver = require('@20minutes/s3rver');

const server = new S3rver({
  directory: process.argv[2],
  address: '127.0.0.1',
  port: 0,
  silent: true,
  configureBuckets: [{ name: 'reels', configs: [] }],
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
server.run().then((address) => console.log(`port ${address.port}`));
