// Calls operations with the AWS SDK for JavaScript v2.
// Usage: node js-v2.mjs ENDPOINT REGION
import AWS from 'aws-sdk';
import { answer } from './lines.mjs';

const [endpoint, region] = process.argv.slice(2);

// By itself, this SDK looks for this file only where AWS_SDK_LOAD_CONFIG is set, and
// then wants a configuration file, too.
const credentials = new AWS.SharedIniFileCredentials({
  filename: process.env.AWS_SHARED_CREDENTIALS_FILE,
});
// Tests look at each answer, so nothing is tried again. The others read this from
// AWS_MAX_ATTEMPTS.
const client = new AWS.Ivschat({ endpoint, region, credentials, maxRetries: 0 });

async function perform(operation, input) {
  const method = operation[0].toLowerCase() + operation.slice(1);
  const output = await client[method](input).promise();
  return { status: output.$response.httpResponse.statusCode, output };
}

// This SDK has no classes for errors: it puts the members of any on one object, where
// most are not enumerable.
function describe(error) {
  const { code, message, statusCode: status } = error;
  const { resourceId, resourceType, limit, reason, fieldList } = error;
  return { code, message, status, resourceId, resourceType, limit, reason, fieldList };
}

answer(perform, describe);
