// A small application that says which slot and which commit answers. It needs no packages.
const http = require('node:http');

const color = process.env.BLUEGREEN ?? 'nowhere';
const commit = process.env.DEPLOYER_COMMIT_SHORT ?? 'no commit';
const greeting = 'hello';

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const answer = (status, text) => {
    response.writeHead(status, { 'Content-Type': 'text/plain' });
    response.end(text + '\n');
  };
  switch (url.pathname) {
    case '/':
      return answer(200, `${greeting} from ${color} ${commit}`);
    case '/health':
      return answer(200, 'ok');
    case '/slow': {
      // Answers late, so that one can see a request outlive a cutover.
      const seconds = Math.min(Number(url.searchParams.get('seconds') ?? 3), 60);
      return setTimeout(() => answer(200, `${greeting}, slowly, from ${color} ${commit}`), seconds * 1000);
    }
    default:
      return answer(404, 'not here');
  }
});

// nginx is in front: nobody else needs to reach this port.
server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1');

// A release that is stopped takes no new requests and finishes those that it has.
process.on('SIGTERM', () => server.close());
