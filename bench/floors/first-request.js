// The least a fresh process does for its first token. Plain JavaScript, as types would have to be stripped at every start.
import { readFileSync } from 'node:fs'
import { request } from 'node:https'

const [origin, tenant, client, secret, scope, caFile] = process.argv.slice(2)
const body = new URLSearchParams({
  grant_type: 'client_credentials',
  client_id: client,
  client_secret: secret,
  scope,
}).toString()
const headers = {
  'content-type': 'application/x-www-form-urlencoded',
  'content-length': Buffer.byteLength(body),
}
const ca = readFileSync(caFile)
const outgoing = request(
  `${origin}/${tenant}/oauth2/v2.0/token`,
  { method: 'POST', headers, ca },
  (incoming) => {
    let text = ''
    incoming.setEncoding('utf8')
    incoming.on('data', (chunk) => {
      text += chunk
    })
    incoming.on('end', () => process.exit(JSON.parse(text).access_token ? 0 : 1))
  },
)
outgoing.end(body)
