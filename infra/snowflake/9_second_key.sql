-- A user has two places for keys, and both sign in while a key is being changed.
ALTER USER %(user)s SET RSA_PUBLIC_KEY_2 = '%(public_key)s';
