#!/bin/sh
# What git asks for user and password: one line each from the inherited pipe, so that neither stands in an
# argument, an environment or a file. An empty pipe gives no answer.
IFS= read -r line <&3 || exit 1
printf '%s\n' "$line"
