"""Calls operations with the AWS SDK for Python, by the protocol of lines.mjs.

Usage: python3 boto3_driver.py ENDPOINT REGION
"""

import datetime
import json
import sys

import boto3
import botocore
import botocore.exceptions


def perform(client, operation, args):
    output = getattr(client, botocore.xform_name(operation))(**args)
    status = output.pop("ResponseMetadata")["HTTPStatusCode"]
    return {"status": status, "output": output}


def describe(error):
    details = ("resourceId", "resourceType", "limit", "reason", "fieldList")
    described = {name: error.response.get(name) for name in details}
    described["code"] = error.response["Error"]["Code"]
    described["message"] = error.response["Error"]["Message"]
    described["status"] = error.response["ResponseMetadata"]["HTTPStatusCode"]
    described["typed"] = type(error) is not botocore.exceptions.ClientError
    return described


def text_of(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {value!r}")


def main():
    endpoint, region = sys.argv[1:]
    client = boto3.client("ivschat", endpoint_url=endpoint, region_name=region)
    for text in sys.stdin:
        request = json.loads(text)
        answer = {"id": request["id"]}
        try:
            answer["result"] = perform(client, request["call"], request["args"])
        except botocore.exceptions.ClientError as error:
            answer["error"] = describe(error)
        except botocore.exceptions.BotoCoreError as error:
            answer["error"] = {"code": "not from the service", "message": str(error)}
        print(json.dumps(answer, default=text_of), flush=True)


main()
