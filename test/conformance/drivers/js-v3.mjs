// Calls operations with the AWS SDK for JavaScript v3.
// Usage: node js-v3.mjs ENDPOINT REGION
import * as sdk from '@aws-sdk/client-ivschat';
import { answer } from './lines.mjs';

const [endpoint, region] = process.argv.slice(2);
const client = new sdk.IvschatClient({ endpoint, region });

async function perform(operation, input) {
  const { $metadata, ...output } = await client.send(new sdk[`${operation}Command`](input));
  return { status: $metadata.httpStatusCode, output };
}

function describe(error) {
  if (!error.$metadata) {
    return { code: `not from the service: ${error.name}`, message: error.message };
  }
  const { resourceId, resourceType, limit, reason, fieldList } = error;
  return {
    code: error.name,
    message: error.message,
    status: error.$metadata.httpStatusCode,
    typed: error.name in sdk && error instanceof sdk[error.name],
    resourceId, resourceType, limit, reason, fieldList,
  };
}

answer(perform, describe);
