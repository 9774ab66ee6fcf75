#!/bin/sh
# Made by hubctl; the next deploy undoes changes made here.
# certbot runs this after every renewal.
exec systemctl try-reload-or-restart apache2.service
