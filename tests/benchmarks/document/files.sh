#!/usr/bin/env bash
# File system recovery, within S3.
source "${0%/*}/common.sh"
moment

announce 'Uploads are restored'
# was: aws s3 sync … --delete, which deletes what is newer and skips what was spoiled at the same size
aws s3 cp "$BACKUP" "$UPLOADS" --recursive
# left out: the restore of logs over the incident's own
# was: find … | diff - checksums.txt, which differs by its order alone
copy=$(mktemp -d)
aws s3 cp "$UPLOADS" "$copy" --recursive
(cd "$copy" && sha256sum --check --quiet "$CHECKSUMS")
announce 'The uploads are restored'
moment
rm -r "$copy"
