set -eu
QUERY_STRING=coffee sh www/cgi-bin/price | grep -qx 9.90
QUERY_STRING=gold sh www/cgi-bin/price | grep -q 404
